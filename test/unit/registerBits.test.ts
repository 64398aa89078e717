import assert from 'node:assert/strict';
import { withBitNames } from '../../debug-adapter/dap/registerBits.ts';

describe('control register bits', () => {
  it('names the bits that are set', () => {
    assert.equal(withBitNames('cr0', '0x80050033'), '0x80050033 [PE MP ET NE WP AM PG]');
    assert.equal(withBitNames('cr4', '0x6d0'), '0x6d0 [PSE MCE PGE OSFXSR OSXMMEXCPT]');
    assert.equal(withBitNames('cr0', '0x11'), '0x11 [PE ET]');
  });

  it('leaves other registers as they are', () => {
    assert.equal(withBitNames('cr3', '0x1a40000'), '0x1a40000');
  });
});
