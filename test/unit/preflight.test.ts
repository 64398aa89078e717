/** The rules of the preflight, each where it holds and where it is broken. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Facts, KernelFacts, LiveFacts, ResumeFacts } from '../../debug-adapter/preflight/facts.ts';
import { judge, RULES } from '../../debug-adapter/preflight/judge.ts';
import { parseAnswer } from '../../debug-adapter/preflight/live.ts';
import { reportText } from '../../debug-adapter/preflight/report.ts';
import { broken, type RuleOutcome, type Verdict } from '../../debug-adapter/preflight/rule.ts';
import { facts, kernelWithout, MIB } from './preflightFacts.ts';

const outcomeOf = (given: Facts, name: string): RuleOutcome | undefined =>
  judge(given).rules.find((rule) => rule.name === name);

const window = (min: number, mebibytes: number): Pick<Facts, 'window'> => ({
  window: { min, max: min + mebibytes * MIB - 1 },
});
const initrd = (changes: Partial<KernelFacts['initrd']>): { initrd: KernelFacts['initrd'] } => ({
  initrd: { ...facts().kernels.A.initrd, ...changes },
});
const places = (free: number, other: number, device = 2): Facts['save']['places'] => [
  { path: '/tmp', free: free * MIB, device: 1 },
  { path: '/images', free: other * MIB, device },
];
const LIVE: LiveFacts = {
  kernel: 'A',
  systemRam: [
    { start: 0x1000, end: 0x9fbff },
    { start: 0x100000, end: 0xffdcfff },
  ],
  total: 254812 * 1024,
  available: 233028 * 1024,
  loaded: undefined,
};
const live = (changes: Partial<LiveFacts>): Pick<Facts, 'live'> => ({ live: { ...LIVE, ...changes } });
const segments = (count: number, at = 0x2000000): LiveFacts['loaded'] => ({
  segments: Array.from({ length: count }, (_, index) => ({ address: at + index * 0x1000, size: 0x1000 })),
  destinations: { first: at, last: at + count * 0x1000 - 1, count },
});
const RESUME: ResumeFacts = { path: '/image', loaded: 224 * MIB, memoryEnd: 0xffdd000, copies: false };
const resume = (changes: Partial<ResumeFacts>, memory = 560): Partial<Facts> => ({
  resume: { ...RESUME, ...changes },
  memory: memory * MIB,
});

/** The rule, what is changed of the lab guest's facts, the verdict, and what is found or how it is mended. */
const CASES: [rule: string, what: string, given: () => Facts, verdict: Verdict, text: RegExp][] = [
  [
    'kernel-a-jumps',
    'without CONFIG_KEXEC_JUMP',
    () => facts({}, { A: { options: kernelWithout('KEXEC_JUMP') } }),
    'breaks',
    /Kernel A is without CONFIG_KEXEC_JUMP \(a test\)\. Build kernel A with CONFIG_KEXEC, CONFIG_KEXEC_JUMP=y/,
  ],
  [
    'kernel-a-jumps',
    'with what cannot be told',
    () => facts({}, { A: { options: () => ({ isOn: undefined, source: 'nobody tells' }) } }),
    'unknown',
    /Whether kernel A has CONFIG_KEXEC, CONFIG_KEXEC_JUMP is not known: nobody tells/,
  ],
  ['kernel-a-returns', 'without the patch', () => facts({}, { A: { reloadsGdt: false } }), 'breaks', /never loads/],
  ['kernel-a-returns', 'not understood', () => facts({}, { A: { reloadsGdt: undefined } }), 'unknown', /understood/],
  ['kernel-a-pae', 'without the patch', () => facts({}, { A: { setsCr4Again: false } }), 'breaks', /never sets CR4/],
  ['kernel-a-pae', 'not understood', () => facts({}, { A: { setsCr4Again: undefined } }), 'unknown', /understood/],
  ['kernel-a-pae', 'with the patch', () => facts({}, { A: { setsCr4Again: true } }), 'ok', /sets CR4 again/],
  [
    'kernel-b-jumps-back',
    'without CONFIG_KEXEC_JUMP',
    () => facts({}, { B: { options: kernelWithout('KEXEC_JUMP') } }),
    'breaks',
    /Kernel B is without/,
  ],
  ['window-in-memory', 'behind memory', () => facts(window(0x10000000, 32)), 'breaks', /ends behind .* 256 MiB/],
  ['window-in-memory', 'in the last MiB', () => facts(window(0xe000000, 32)), 'warning', /firmware keeps its tables/],
  [
    'window-in-memory',
    'in the last MiB, live',
    () => facts({ ...window(0xe000000, 32), ...live({}) }),
    'breaks',
    /iomem/,
  ],
  ['window-in-memory', 'live', () => facts(live({})), 'ok', /inside 0x100000-0xffdcfff, System RAM of kernel A/],
  [
    'window-in-memory',
    'of half a page',
    () => facts({ window: { min: 0x2000800, max: 0x3ffffff } }),
    'breaks',
    /does not begin and end at a page/,
  ],
  ['half-of-memory', 'of 128 MiB', () => facts(window(0x2000000, 128)), 'breaks', /128 MiB of at most 123\.9 MiB/],
  ['half-of-memory', 'near half', () => facts(window(0x2000000, 124)), 'warning', /estimated/],
  [
    'half-of-memory',
    'near half, live',
    () => facts({ ...window(0x2000000, 124), ...live({}) }),
    'ok',
    /half of kernel A's 248\.8 MiB\./,
  ],
  ['room-for-pages', 'of 120 MiB', () => facts(window(0x2000000, 120)), 'breaks', /leaves -8 MiB/],
  ['room-for-pages', 'live and full', () => facts(live({ available: 30 * MIB })), 'breaks', /30 MiB to spare/],
  ['room-for-pages', 'live', () => facts(live({})), 'ok', /227\.6 MiB to spare, and the window takes 32 MiB/],
  ['initrd-in-window', 'below 16 MiB', () => facts(window(0x100000, 15)), 'breaks', /has 0 MiB for it above 16 MiB/],
  ['initrd-in-window', 'too small', () => facts(window(0x2000000, 4)), 'breaks', /has 2 MiB for it behind the kernel/],
  [
    'kernel-in-window',
    'below where it is linked',
    () => facts(window(0x100000, 20)),
    'breaks',
    /runs at 0x1000000-0x1525fff, and the window ends at 0x14fffff.*CONFIG_PHYSICAL_START/,
  ],
  [
    'kernel-in-window',
    'over its RAM disk',
    () => facts(window(0x100000, 21)),
    'breaks',
    /its RAM disk is at 0x1230000-0x15dffff/,
  ],
  [
    'kernel-b-relocatable',
    'not relocatable',
    () => facts({}, { B: { placement: { ...facts().kernels.B.placement!, isRelocatable: false } } }),
    'breaks',
    /kexec wants memory in 0x3000-0x9ffff, and the window begins at 0x2000000\. .*CONFIG_RELOCATABLE=y/,
  ],
  ['kernel-in-window', 'of an old image', () => facts({}, { B: { placement: undefined } }), 'unknown', /too old/],
  ['memory-of-kernel-b', 'of 24 MiB', () => facts(window(0x2000000, 24)), 'breaks', /kernel B takes 24\.5 MiB/],
  ['memory-of-kernel-b', 'of 25 MiB', () => facts(window(0x2000000, 25)), 'ok', /The window has 25 MiB/],
  [
    'memory-of-kernel-b',
    'packed in another way',
    () => facts({}, { B: initrd({ unpacked: undefined }) }),
    'unknown',
    /neither cpio nor gzip/,
  ],
  ['segments', 'too many', () => facts(live({ loaded: segments(17) })), 'breaks', /17 segments of at most 16/],
  [
    'segments',
    'elsewhere',
    () => facts(live({ loaded: segments(6, 0x4000000) })),
    'warning',
    /outside of the window 0x2000000-0x3ffffff: 0x4000000-0x4000fff/,
  ],
  ['segments', 'in the window', () => facts(live({ loaded: segments(6) })), 'ok', /all 6 destination pages/],
  [
    'memory-map-of-kernel-b',
    'by a stock kexec',
    () => facts({}, { A: initrd({ kexec: 'stock' }) }),
    'breaks',
    /stock one, which gives kernel B all of memory/,
  ],
  [
    'memory-map-of-kernel-b',
    'with more by its command line',
    () => facts({}, { B: { append: 'quiet memmap=1M@32M,64M@0x8000000' } }),
    'breaks',
    /"memmap=1M@32M,64M@0x8000000" on kernel B's command line gives it 0x8000000-0xbffffff, outside/,
  ],
  [
    'memory-map-of-kernel-b',
    'with its own memory by its command line',
    () => facts({}, { B: { append: 'memmap=1M@32M memmap=64K$0x8000000' } }),
    'ok',
    /gives kernel B the window/,
  ],
  [
    'memory-map-of-kernel-b',
    'by one that is not found',
    () => facts({}, { A: initrd({ kexec: undefined }) }),
    'unknown',
    /There is none in it that is known/,
  ],
  [
    'memory-map-of-kernel-b',
    'of all memory, live',
    () => facts(live({ kernel: 'B' })),
    'breaks',
    /outside of the window 0x2000000-0x3ffffff: 0x100000-0xffdcfff \(254\.9 MiB\)/,
  ],
  [
    'memory-map-of-kernel-b',
    'live',
    () => facts(live({ kernel: 'B', systemRam: [LIVE.systemRam[0]!, { start: 0x2000000, end: 0x3fedfff }] })),
    'ok',
    /the window and low memory/,
  ],
  [
    'kernel-b-vmcore',
    'without CONFIG_PROC_VMCORE',
    () => facts({}, { B: { options: kernelWithout('PROC_VMCORE') } }),
    'breaks',
    /Kernel B is without CONFIG_PROC_VMCORE/,
  ],
  [
    'kernel-b-disk',
    'without CONFIG_VIRTIO_BLK',
    () => facts({}, { B: { options: kernelWithout('VIRTIO_BLK') } }),
    'breaks',
    /Kernel B is without CONFIG_VIRTIO_BLK/,
  ],
  [
    'kernel-a-registers',
    'without the patch',
    () => facts({}, { A: { savesRegisters: false } }),
    'breaks',
    /does not call crash_save_cpu/,
  ],
  [
    'disk-space',
    'at level 0',
    () => facts({ save: { level: 0, places: places(1000, 200) } }),
    'breaks',
    /takes 225 MiB, once .*: "\/images" has 200 MiB/,
  ],
  [
    'disk-space',
    'that may be too small',
    () => facts({ save: { level: 17, places: places(1000, 200) } }),
    'warning',
    /200/,
  ],
  [
    'disk-space',
    'at level 17',
    () => facts({ save: { level: 17, places: places(1000, 8) } }),
    'breaks',
    /13 MiB to 225 MiB/,
  ],
  [
    'disk-space',
    'of one device for both',
    () => facts({ save: { level: 0, places: places(300, 300, 1) } }),
    'breaks',
    /has 300 MiB/,
  ],
  [
    'memory-of-the-image',
    'of 128 MiB',
    () => facts(resume({}, 128)),
    'breaks',
    /\(255\.9 MiB\); this machine has 128 MiB/,
  ],
  ['memory-of-kernel-c', 'that loads', () => facts(resume({}, 256)), 'breaks', /224 MiB, for which it needs 464 MiB/],
  ['memory-of-kernel-c', 'that loads, with enough', () => facts(resume({})), 'ok', /the machine has 560 MiB/],
  [
    'memory-of-kernel-c',
    'that copies in 16 MiB',
    () => facts({ ...resume({ copies: true }), ...window(0x100000, 16) }),
    'warning',
    /lives in the image's window/,
  ],
  [
    'kernel-c-memory-device',
    'without CONFIG_DEVMEM',
    () => facts(resume({ copies: true }), { B: { options: kernelWithout('DEVMEM') } }),
    'breaks',
    /Kernel C is without CONFIG_DEVMEM/,
  ],
  [
    'kernel-c-memory-device',
    'with CONFIG_STRICT_DEVMEM',
    () => facts(resume({ copies: true }), { B: { options: () => ({ isOn: true, source: 'a test' }) } }),
    'breaks',
    /Kernel C has CONFIG_STRICT_DEVMEM/,
  ],
];

describe('preflight', () => {
  it('finds nothing wrong with the lab guest', () => {
    assert.deepEqual(
      judge(facts()).rules.filter(({ verdict }) => verdict !== 'ok'),
      [],
    );
    assert.equal(judge(facts(window(0x100000, 31))).verdict, 'ok', 'the low window');
    assert.equal(judge(facts(resume({}))).verdict, 'ok');
  });

  for (const [rule, what, given, verdict, text] of CASES) {
    it(`${rule}, ${what}: ${verdict}`, () => {
      const outcome = outcomeOf(given(), rule);
      assert.equal(outcome?.verdict, verdict);
      assert.match(`${outcome.found} ${outcome.remedy ?? ''}`, text);
      assert.equal(outcome.remedy === undefined, verdict === 'ok', 'what does not hold can be mended');
    });
  }

  it('has a case of each rule in which it breaks', () => {
    const shown = new Set(CASES.filter(([, , , verdict]) => verdict === 'breaks').map(([name]) => name));
    assert.deepEqual(
      RULES.filter(({ name }) => !shown.has(name)),
      [],
    );
  });

  it('stands before what a rule is for, and nothing else', () => {
    const report = judge(facts({}, { B: { options: kernelWithout('PROC_VMCORE') } }));
    assert.equal(report.verdict, 'breaks');
    assert.deepEqual(broken(report, ['jump']), []);
    assert.deepEqual(
      broken(report, ['jump', 'save']).map(({ name }) => name),
      ['kernel-b-vmcore'],
    );
  });

  it('judges a resume by its own rules', () => {
    assert.deepEqual([...new Set(judge(facts(resume({}))).rules.map(({ purpose }) => purpose))], ['resume']);
  });

  it('says in its text what breaks, what happens otherwise and how to mend it', () => {
    const text = reportText(judge(facts(window(0x100000, 20))));
    assert.match(text, /^# Kexec Jump: Before a Jump\n\nSomething breaks\./);
    assert.match(text, /^## 9\. Where kernel B is linked: BREAKS$/m);
    assert.match(text, /^- Otherwise: Kernel B decompresses itself over what is not its own/m);
    assert.match(text, /^- How to mend it: Let the window reach from 0x1000000 or below to 0x18fffff or beyond/m);
    assert.match(text, /^1\. Kernel A's configuration: ok\./m);
  });

  it('mends a window so that the rules of kernel B hold', () => {
    const fits = { min: 0x100000, max: 0x18fffff };
    for (const name of ['kernel-in-window', 'initrd-in-window']) {
      assert.equal(outcomeOf(facts({ window: fits }), name)?.verdict, 'ok');
    }
  });

  it('judges any window without a fault, and never better when it shrinks', () => {
    const page = fc.integer({ min: 0, max: 0x10000 }).map((pages) => pages * 0x1000);
    fc.assert(
      fc.property(page, page, (min, size) => {
        const { rules } = judge(facts({ window: { min, max: min + size + 0xfff } }));
        assert.ok(rules.every(({ found }) => !/NaN|undefined|Infinity/.test(found)));
        const smaller = judge(facts({ window: { min, max: min + size / 2 + 0xfff } }));
        for (const name of ['memory-of-kernel-b', 'initrd-in-window']) {
          const of = (report: typeof smaller): boolean => broken(report, ['jump']).some((rule) => rule.name === name);
          assert.ok(!of({ verdict: 'ok', rules }) || of(smaller));
        }
      }),
    );
  });

  it('reads what a guest says of its memory', () => {
    const text = 'MemTotal:         254812 kB\nMemAvailable:     233028 kB\n00001000-0009fbff : System RAM\n';
    assert.deepEqual(parseAnswer(text), {
      total: 254812 * 1024,
      available: 233028 * 1024,
      systemRam: [{ start: 0x1000, end: 0x9fbff }],
    });
    assert.deepEqual(parseAnswer('nothing'), { total: 0, available: 0, systemRam: [] });
  });
});
