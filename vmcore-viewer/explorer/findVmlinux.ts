/** The vmlinux of a kernel that a memory image is of: where distributions and builds have it. */
import { existsSync } from 'node:fs';
import type { VmcoreInfo } from '../core/vmcoreInfo.ts';
import { readBuildId } from '../core/vmlinux.ts';

/**
 * Finds the vmlinux of the same build, by its build id; of a kernel that tells none, by its release.
 * @param known paths that are looked at first.
 * @returns its path.
 */
export function findVmlinux({ release, buildId }: VmcoreInfo, known: readonly string[]): string | undefined {
  const paths = release === undefined ? [] : installed(release, buildId);
  const isSame = (path: string): boolean => existsSync(path) && readBuildId(path) === buildId;
  return buildId === undefined ? paths.find((path) => existsSync(path)) : [...known, ...paths].find(isSame);
}

/** Source: "Debugging with GDB", Separate Debug Files; Debian's linux-image-*-dbg; kernel tree, make modules_install. */
function installed(release: string, buildId: string | undefined): string[] {
  // The release is a file's word: it leads nowhere else.
  if (!/^[\w.+~-]+$/.test(release)) return [];
  return [
    ...(buildId && /^[0-9a-f]{40}$/.test(buildId)
      ? [`/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`]
      : []),
    `/usr/lib/debug/boot/vmlinux-${release}`,
    `/usr/lib/debug/lib/modules/${release}/vmlinux`,
    `/lib/modules/${release}/build/vmlinux`,
    `/boot/vmlinux-${release}`,
  ];
}
