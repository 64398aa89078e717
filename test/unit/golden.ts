/** Golden texts: checked-in results. KEXEC_JUMP_UPDATE_GOLDEN=1 writes them anew. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compares a text with the checked-in one. @throws AssertionError with the difference. */
export function assertGolden(name: string, actual: string): void {
  const path = join(import.meta.dirname, 'golden', name);
  if (process.env['KEXEC_JUMP_UPDATE_GOLDEN']) writeFileSync(path, actual + '\n');
  assert.equal(actual + '\n', readFileSync(path, 'utf8'));
}
