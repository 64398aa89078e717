import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { decompressPage } from '../../vmcore-viewer/core/images/kdump/compression.ts';
import { METHOD_FLAGS, PAGE } from './imageFiles.ts';

const text = Array.from(
  { length: 200 },
  (_, frame) => `page frame ${(frame * 7919) % 1000} of kernel ${'AB'[frame % 2]!}; `,
);
const counting = Buffer.from(text.join('')).subarray(0, 3000);
const PAGE_BYTES = Buffer.concat([counting, Buffer.alloc(600), counting.subarray(0, 496)]);

/** The same page by the compressors that makedumpfile is linked with: liblzo2's lzo1x_999, snappy, zstd -19. */
const COMPRESSED = {
  zlib: deflateSync(PAGE_BYTES),
  lzo: Buffer.from(
    'K3BhZ2UgZnJhbWUgMCBvZiBrZXJuZWwgQTsgKWcAOTE5KW0AQitvADgzODffADc1NzffADY3NjffADU5NTffADUxNDffADQzMzff' +
      'ADM1MjffADI3MTfeADE5OF4EMTA4XQQyOFoEOTQ4WgQ4NjhaBDc4OFoENzA4WgQ2MjhaBDU0OFoENDY4WgQzODhaBDI5OVkEMThe' +
      'BDEzOF0ENThaBDk3OFoEODk4WgQ4MThaBDczOFoENjU4WgQ1NzhaBDQ4OFoENDA4WgQzMjhaBDI0OF4EMTY5XAQ4WAQ4UgQ5MjhS' +
      'BDg0OFIENzY4UgQ2NzhSBDU5OFIENTE4UgQ0MzhSBDM1OFIEMjc4VgQxOTheBDExOF0EMzhaBDk1OFoEODY4WgQ3ODnFFTA5xRUy' +
      'OcUVNDhaBDQ2ObEIODnFFTA5xRUyOcYVNDA5ZBg4OQU3OFoEODk5xRUxOcUVMzhaBDY1OFoENTc4WgQ0OTnFFTE5xRUzOcUVNDhe' +
      'BDE2OVwEObQIOL0VMjpcEThSBDc2OFIENjg5vRUwOb0VMjm+FTM5OTUgODk1IDc5NCA5vRUxOF0EMzhaBDk1OFoEODc4WgQ3OTnF' +
      'FTE5xRUyOcYVNDg5NSA3OTQgOcUVMDnFFTI5xRU0ObgIOFoEOTg5xRUwOcQVOY0rNzmNKzY5jSs1OY0rNDmNKzQ5jSszJI0rACAA' +
      'ADgAACAA0Dw4EQAA',
    'base64',
  ),
  snappy: Buffer.from(
    'gCBkcGFnZSBmcmFtZSAwIG9mIGtlcm5lbCBBOyAdGgg5MTkdHABCMhwACDgzOB0cNjgACDc1Nx0cNjgACDY3Nh0cNjgACDU5NR0c' +
      'NjgACDUxNB0cNjgACDQzMx0cNjgACDM1Mh0cNjgACDI3MR0cNjgABDE5ZhgBBDEwZhgBADJmFwEEOTRmFwEEODZmFwEENzhmFwEE' +
      'NzBmFwEENjJmFwEENTRmFwEENDZmFwEEMzhmFwEEMjlqFwEAMWYYAQQxM2YYAQA1ZhcBBDk3ZhcBBDg5ZhcBBDgxZhcBBDczZhcB' +
      'BDY1ZhcBBDU3ZhcBBDQ4ZhcBBDQwZhcBBDMyZhcBBDI0ZhgBBDE2ahgBZhcBZhUBBDkyZhUBBDg0ZhUBBDc2ZhUBBDY3ZhUBBDU5' +
      'ZhUBBDUxZhUBBDQzZhUBBDM1ZhUBBDI3ZhYBBDE5ZhgBBDExZhgBADNmFwEEOTVmFwEEODZmFwEENzhmFwEENzBmFwEENjJmFwEE' +
      'NTRmFwEENDZmFwEEMzhmFwEEMzBmFwEEMjJmGAEEMTRmGAEANWYXAQQ5N2YXAQQ4OWYXAQQ4MWYXAQQ3M2YXAQQ2NWYXAQQ1N2YX' +
      'AQQ0OWYXAQQ0MWYXAQQzM2YXAQQyNGYYAQQxNmoYAWYXAWYVAQQ5MmYVAQQ4NGYVAQQ3NmYVAQQ2OGYVAQQ2MGYVAQQ1MmYVAQQ0' +
      'M2YVAQQzNWYVAQQyN2YWAQQxOWYYAQQxMWYYAQAzZhcBBDk1ZhcBBDg3ZhcBBDc5ZhcBBDcxZhcBBDYyZhcBBDU0ZhcBBDQ2ZhcB' +
      'BDM4ZhcBBDMwZhcBBDIyZhgBBDE0ZhgBADZmFwEEOThmFwEEOTBmFwEAOGrkCgA3auQKADZq5AoANWrkCgA0auQKADRq5AoAMxbk' +
      'CgAA/gEA/gEA/gEA/gEA/gEA/gEA/gEA/gEA/gEAWgEAKvYNZiwD/hAO/hAO/hAO/hAO/hAO/hAO/hAOKhAO',
    'base64',
  ),
  zstd: Buffer.from(
    'KLUv/WAAD0UIABaVLxOgWxsgSasTQGyabMktM0nu+q1IMgAmACcAVpbH1CnLyV5l99mcUI78DLW1SXRUr9OtRjheQDAIKAyMhyER' +
      'ODQCEjAsCo9DwIAoOAJ07JA9+kPUqk+yo3tJnbaZq42K5fnUxGeWE6mmL81n9Ct6aZy7kUSpsWrdNpqrmxXPIy3pOfdkKuqL9jP7' +
      'HYnJmZHW6jKZaupys1+ZBIC2pulcp1NZfzSRo91UTc+QtKwvm+mmhOd9bqVziazjP0a9WiZvqCEMht//DICpIHcDEkAQ2EEAQfDX' +
      '7/917RNOWkAFLQETOgdD975lZsFiBHYhNkc1dzezUEwzORhY9KpLcAMhkX+bSnvaqg==',
    'base64',
  ),
} as const;

describe('compressed pages', () => {
  for (const [name, compressed] of Object.entries(COMPRESSED) as [keyof typeof COMPRESSED, Buffer][]) {
    const flag = METHOD_FLAGS[name];

    it(`decompresses ${name}`, () => {
      assert.ok(decompressPage(compressed, flag, PAGE)?.equals(PAGE_BYTES));
    });

    it(`refuses ${name} that is cut off, or too long or too short for a page`, () => {
      for (let length = 0; length < compressed.length; length += 7) {
        assert.equal(decompressPage(compressed.subarray(0, length), flag, PAGE), undefined, `${length} bytes`);
      }
      assert.equal(decompressPage(compressed, flag, PAGE * 2), undefined);
      assert.equal(decompressPage(compressed, flag, PAGE / 2), undefined);
    });

    it(`neither throws nor hangs on damaged ${name}`, () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1 }), (changes) => {
          const bytes = Buffer.from(compressed);
          for (const [at, value] of changes) bytes[at] = value;
          const page = decompressPage(bytes, flag, PAGE);
          return page === undefined || page.length === PAGE;
        }),
        { numRuns: 300 },
      );
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: PAGE }), (bytes) => {
          const page = decompressPage(Buffer.from(bytes), flag, PAGE);
          return page === undefined || page.length === PAGE;
        }),
      );
    });
  }

  it('gives up on zstd at which the decoder of JavaScript never ends', () => {
    const bytes = Buffer.from(COMPRESSED.zstd);
    [bytes[14], bytes[100], bytes[226]] = [240, 201, 222];
    assert.equal(decompressPage(bytes, METHOD_FLAGS.zstd, PAGE), undefined);
  });

  it('takes pages that are not compressed as they are, if they are whole', () => {
    assert.ok(decompressPage(PAGE_BYTES, 0, PAGE)?.equals(PAGE_BYTES));
    assert.equal(decompressPage(PAGE_BYTES.subarray(1), 0, PAGE), undefined);
  });

  it('ends on a snappy literal whose length has its highest bit set', () => {
    const bytes = Buffer.from([0x80, 0x20, 0xfc, 0xf0, 0xff, 0xff, 0xff, 0, 0]);
    assert.equal(decompressPage(bytes, METHOD_FLAGS.snappy, PAGE), undefined);
  });

  it('does not believe a zstd frame that says to be huge', () => {
    const bytes = Buffer.from('28b52ffde0ffffffffffffff0f010000', 'hex');
    assert.equal(decompressPage(bytes, METHOD_FLAGS.zstd, PAGE), undefined);
  });
});
