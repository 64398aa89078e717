/** Snapshots by name, kept from one session to the next: an image and what was known when it was taken. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { badSnapshotName, snapshotOfOtherGuest, snapshotUnknown } from './errors.ts';
import { KEPT_NAME, userDataFolder } from './userData.ts';

/** What makes a guest the same guest: labels and values, in the words in which a difference is told. */
export type GuestIdentity = Readonly<Record<string, string>>;

/** A snapshot's description. `state` is what the debug adapter has to know; nobody else looks into it. */
export interface SnapshotDescription {
  name: string;
  /** When it was taken, as `Date.toISOString()`. */
  taken: string;
  /** Where the jump stood, for people: "kernel A, A running". */
  where: string;
  guest: GuestIdentity;
  state: unknown;
}

const DESCRIPTION = 'snapshot.json';
const IMAGE = 'machine.qcow2';

export class SnapshotLibrary {
  /** @param folder where the snapshots are; made when the first is saved. */
  constructor(private readonly folder = userDataFolder('snapshots', 'KEXEC_JUMP_SNAPSHOTS')) {}

  /** Path of a snapshot's image; its folder exists afterwards. @throws UserFacingError `bad-snapshot-name`. */
  imageToSave(name: string): string {
    mkdirSync(this.folderOf(name), { recursive: true, mode: 0o700 });
    return join(this.folderOf(name), IMAGE);
  }

  /** Makes a saved image a snapshot: from here on it is listed. */
  describe(description: SnapshotDescription): void {
    writeFileSync(join(this.folderOf(description.name), DESCRIPTION), JSON.stringify(description, undefined, 2));
  }

  /** All snapshots, the latest first. A folder that is none is left out. */
  list(): SnapshotDescription[] {
    return this.names()
      .flatMap((name) => this.read(name) ?? [])
      .sort((one, other) => other.taken.localeCompare(one.taken));
  }

  /**
   * A snapshot's description and image, for a guest that it fits.
   * @throws UserFacingError `snapshot-unknown`, or `snapshot-of-other-guest`, which names what differs.
   */
  find(name: string, guest: GuestIdentity): { description: SnapshotDescription; image: string } {
    const description = this.read(name);
    if (!description) throw snapshotUnknown(name, this.names());
    const labels = new Set([...Object.keys(guest), ...Object.keys(description.guest)]);
    for (const label of labels) {
      const [now = 'nothing', then = 'nothing'] = [guest[label], description.guest[label]];
      if (now !== then) throw snapshotOfOtherGuest(name, label, then, now);
    }
    return { description, image: join(this.folderOf(name), IMAGE) };
  }

  delete(name: string): void {
    rmSync(this.folderOf(name), { recursive: true, force: true });
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder).filter((name) => KEPT_NAME.test(name));
    } catch {
      return [];
    }
  }

  private read(name: string): SnapshotDescription | undefined {
    try {
      const read = JSON.parse(readFileSync(join(this.folderOf(name), DESCRIPTION), 'utf8')) as SnapshotDescription;
      return typeof read.taken === 'string' && typeof read.guest === 'object' ? { ...read, name } : undefined;
    } catch {
      return undefined;
    }
  }

  private folderOf(name: string): string {
    if (!KEPT_NAME.test(name)) throw badSnapshotName(name);
    return join(this.folder, name);
  }
}
