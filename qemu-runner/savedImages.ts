/** Saved images by name, kept from one session to the next: ELF cores in a folder of the user's. */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { badImageName } from './errors.ts';
import { KEPT_NAME, userDataFolder } from './userData.ts';

export interface SavedImage {
  name: string;
  path: string;
  /** Of the file. */
  bytes: number;
  savedAt: Date;
}

const EXTENSION = '.vmcore';

export class SavedImages {
  /** @param folder where the images are; made when the first is saved. */
  constructor(private readonly folder = userDataFolder('images', 'KEXEC_JUMP_IMAGES')) {}

  /** Path for an image to be saved; its folder exists afterwards. @throws UserFacingError `bad-image-name`. */
  pathOf(name: string): string {
    if (!KEPT_NAME.test(name)) throw badImageName(name);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    return join(this.folder, name + EXTENSION);
  }

  /** All images, the latest first. */
  list(): SavedImage[] {
    let files: string[];
    try {
      files = readdirSync(this.folder);
    } catch {
      return [];
    }
    return files
      .filter((file) => file.endsWith(EXTENSION))
      .flatMap((file) => {
        const path = join(this.folder, file);
        // Somebody may have deleted it since.
        const found = statSync(path, { throwIfNoEntry: false });
        return found ? [{ name: file.slice(0, -EXTENSION.length), path, bytes: found.size, savedAt: found.mtime }] : [];
      })
      .sort((one, other) => other.savedAt.getTime() - one.savedAt.getTime());
  }

  delete(name: string): void {
    rmSync(this.pathOf(name), { force: true });
  }
}
