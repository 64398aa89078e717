/** Kernel trees as make leaves them, and what a compiler says of them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findKernelTree } from '../../qemu-runner/kernelTree/kernelTree.ts';
import { forEditors, makeCommand } from '../../qemu-runner/kernelTree/make.ts';

const CONFIG = '#\n# Automatically generated file; DO NOT EDIT.\n# Linux/i386 6.1.1 Kernel Configuration\n#\n';
const GCC_12 = 'CONFIG_CC_IS_GCC=y\nCONFIG_GCC_VERSION=120200\n';

describe('kernel tree', () => {
  let folder: string;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'kernel-tree-test-')));
    write('linux/Kbuild', '');
    write('linux/Makefile', 'VERSION = 6\n');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const found = (place: string): { build: string; source: string } => {
    const { build, source } = findKernelTree(join(folder, place));
    return { build: build.slice(folder.length + 1), source: source.slice(folder.length + 1) };
  };

  it('is found where it is built in place, also before it is built', () => {
    write('linux/.config', CONFIG);
    assert.deepEqual(found('linux/vmlinux'), { build: 'linux', source: 'linux' });
    assert.deepEqual(found('linux'), { build: 'linux', source: 'linux' });
  });

  it('is found from a build folder, by its Makefile or its link', () => {
    write('out/.config', CONFIG);
    write('out/Makefile', `# Automatically generated\ninclude ${folder}/linux/Makefile\n`);
    assert.deepEqual(found('out/vmlinux'), { build: 'out', source: 'linux' });
    // Linux 6.13 writes more into it.
    write('linux/build/.config', CONFIG);
    write('linux/build/Makefile', 'export KBUILD_OUTPUT = .\ninclude ../Makefile\n');
    assert.deepEqual(found('linux/build/vmlinux'), { build: 'linux/build', source: 'linux' });
    assert.deepEqual(found('linux'), { build: 'linux/build', source: 'linux' });
    write('other/.config', CONFIG);
    symlinkSync(join(folder, 'linux'), join(folder, 'other', 'source'));
    assert.deepEqual(found('other'), { build: 'other', source: 'linux' });
  });

  it('is told with a sentence when it is none', () => {
    assert.throws(
      () => found('linux/vmlinux'),
      /No kernel has been configured in ".*\/linux\/vmlinux": it has no \.config\./,
    );
    write('out/.config', CONFIG);
    assert.throws(() => found('out/vmlinux'), /The build folder ".*\/out" does not tell its source tree\./);
  });

  it('is built with the architecture and the compiler it was configured with', () => {
    const command = (config: string): string => {
      write('linux/.config', CONFIG + config);
      return makeCommand(findKernelTree(join(folder, 'linux')), 2)
        .join(' ')
        .replace(folder, '');
    };
    assert.equal(command(GCC_12), 'make -C /linux ARCH=i386 -j2 vmlinux bzImage');
    assert.equal(command('CONFIG_CC_IS_CLANG=y\n'), 'make -C /linux ARCH=i386 CC=clang -j2 vmlinux bzImage');
    const llvm = 'CONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\n';
    assert.equal(command(llvm), 'make -C /linux ARCH=i386 LLVM=1 -j2 vmlinux bzImage');
  });

  it("gives messages the file's path, and the column in characters", () => {
    write('linux/kernel/a.c', 'int a;\n\t\tif (b)\n  \tc\n');
    const at = { build: join(folder, 'linux/build'), countsTabs: true };
    mkdirSync(at.build);
    const path = join(folder, 'linux/kernel/a.c');
    assert.equal(forEditors('../kernel/a.c:2:21: error: b', at), `${path}:2:7: error: b`);
    assert.equal(forEditors('../kernel/a.c:3:9: error: c', at), `${path}:3:4: error: c`);
    assert.equal(forEditors('../kernel/a.c:2:7: error: b', { ...at, countsTabs: false }), `${path}:2:7: error: b`);
    assert.equal(
      forEditors('../kernel/a.c:2: Error: no such instruction', at),
      `${path}:2: Error: no such instruction`,
    );
    assert.equal(forEditors('ld: ../kernel/a.c:2: undefined reference', at), `ld: ${path}:2: undefined reference`);
    assert.equal(forEditors('In file included from ../kernel/a.c:2,', at), `In file included from ${path}:2,`);
    for (const line of ['  CC      kernel/a.o', '../kernel/none.c:1: Error: x', 'make[1]: *** [../x:1: y] Error 1']) {
      assert.equal(forEditors(line, at), line);
    }
  });
});
