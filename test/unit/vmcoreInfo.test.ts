import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import { findVmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfoScan.ts';
import { KEYS, SyntheticKernel, VMCOREINFO_PAGE, vmcoreInfoText } from './syntheticKernel.ts';

/** As a kernel writes it. */
const TEXT = `OSRELEASE=6.1.192-kexec-jump
BUILD-ID=55ec1fbd64a4c8d37cf9ef4f2b9c26d9e6c4d1ee
PAGESIZE=4096
SYMBOL(_stext)=c1000000
SYMBOL(init_top_pgt)=ffffffff82a10000
SIZE(page)=32
OFFSET(page.flags)=0
LENGTH(zone.free_area)=11
NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129
KERNELOFFSET=1c00000
CONFIG_X86_PAE=y
CRASHTIME=1795258800
`;

describe('VMCOREINFO', () => {
  it('decodes each kind of line', () => {
    const info = new VmcoreInfo(Buffer.from(`${TEXT}\0SYMBOL(behind)=1\n`));
    assert.equal(info.release, '6.1.192-kexec-jump');
    assert.equal(info.buildId, '55ec1fbd64a4c8d37cf9ef4f2b9c26d9e6c4d1ee');
    assert.equal(info.pageSize, 4096);
    assert.equal(info.symbol('_stext'), 0xc1000000n);
    assert.equal(info.symbol('init_top_pgt'), 0xffffffff82a10000n);
    assert.equal(info.size('page'), 32);
    assert.equal(info.offset('page.flags'), 0);
    assert.equal(info.arrayLength('zone.free_area'), 11);
    assert.equal(info.number('PAGE_BUDDY_MAPCOUNT_VALUE'), -129);
    assert.equal(info.kernelOffset, 0x1c00000n);
    assert.equal(info.config('X86_PAE'), true);
    assert.equal(info.config('NUMA'), false);
    assert.equal(info.crashTime, 1795258800);
    assert.equal(info.symbol('behind'), undefined);
    assert.equal(info.text('PAGESIZE'), '4096');
    assert.equal(info.keys.length, 12);
  });

  it('names what is missing, also where a value is no number', () => {
    const info = new VmcoreInfo(
      'OSRELEASE=6.1\nSIZE(page)=many\nSYMBOL(mem_map)=xyz\nNUMBER(PG_lru)=4\nSIZE(zone)=9007199254740993\n',
    );
    const keys = ['OSRELEASE', 'BUILD-ID', 'SIZE(page)', 'SYMBOL(mem_map)', 'NUMBER(PG_lru)'];
    assert.deepEqual(info.missing(keys), ['BUILD-ID', 'SIZE(page)', 'SYMBOL(mem_map)']);
    assert.deepEqual(info.missing(['SIZE(zone)']), ['SIZE(zone)']);
    assert.throws(() => {
      info.expect(keys, 'a test');
    }, /VMCOREINFO of Linux 6\.1 does not tell BUILD-ID, SIZE\(page\), SYMBOL\(mem_map\): needed for a test\./);
  });

  it('gives back every number that was written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeInteger(), (address, number) => {
        const info = new VmcoreInfo(`SYMBOL(s)=${address.toString(16)}\nNUMBER(n)=${number}\n`);
        assert.equal(info.symbol('s'), address);
        assert.equal(info.number('n'), number === 0 ? 0 : number);
      }),
    );
  });

  it('takes any bytes', () => {
    const line = fc.tuple(fc.constantFrom(...Object.keys(KEYS)), fc.string()).map(([key, value]) => `${key}=${value}`);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), fc.array(line)), (content) => {
        const text = content instanceof Uint8Array ? Buffer.from(content) : content.join('\n');
        const info = new VmcoreInfo(text);
        for (const key of info.keys) assert.equal(typeof info.text(key), 'string');
        const size = info.size('page');
        assert.ok(size === undefined || Number.isSafeInteger(size));
      }),
    );
  });
});

describe('the search for VMCOREINFO', () => {
  const found = (memory: SyntheticKernel | Overlay): [number, string | undefined][] =>
    findVmcoreInfo(memory).map(({ address, info }) => [address, info.buildId]);

  it('finds every one that begins a page, and nothing that only looks like one', () => {
    const kernel = new SyntheticKernel(8);
    kernel.bytes.write(vmcoreInfoText({ 'BUILD-ID': 'bb' }), 9 * PAGE_SIZE);
    kernel.bytes.write('OSRELEASE=%s\n', 10 * PAGE_SIZE);
    kernel.bytes.write(vmcoreInfoText(), 11 * PAGE_SIZE + 8);
    kernel.bytes.write('OSRELEASE=', kernel.size - 'OSRELEASE='.length);
    assert.deepEqual(found(kernel), [
      [VMCOREINFO_PAGE, '0123abcd'],
      [9 * PAGE_SIZE, 'bb'],
    ]);
  });

  it('goes around what is not in the image', () => {
    const kernel = new SyntheticKernel(8);
    kernel.holes.add(1).add(5);
    assert.deepEqual(found(kernel), [[VMCOREINFO_PAGE, '0123abcd']]);
  });

  it("finds the dormant kernel's at its own place through the overlay, and the peer's in the source page", () => {
    const kernel = new SyntheticKernel(8);
    const source = 9 * PAGE_SIZE;
    kernel.bytes.copyWithin(source, VMCOREINFO_PAGE, VMCOREINFO_PAGE + PAGE_SIZE);
    kernel.bytes.write(vmcoreInfoText({ 'BUILD-ID': 'bb' }), VMCOREINFO_PAGE);
    const exchanges = [{ destination: VMCOREINFO_PAGE, source, entryAddress: 0 }];
    assert.deepEqual(found(new Overlay(kernel, [{ exchanges }])), [
      [VMCOREINFO_PAGE, '0123abcd'],
      [source, 'bb'],
    ]);
  });
});
