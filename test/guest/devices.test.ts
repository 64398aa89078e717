/**
 * Devices of the machine: kernel A uses each before the jump, kernel B while kernel A is away, and kernel A again when it is back, with
 * what it had open and nothing set up anew.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Console } from '../../qemu-runner/consoles.ts';
import { faultsOf, makeExt2 } from './busyKernelA.ts';
import { Debuggee } from './debuggee.ts';
import { runInGuest } from './savedImage.ts';

/** Runs a script in the kernel that is live; rejects when it fails. */
type Run = (script: string) => Promise<string>;

/** What is done with a device, in this order, each with what the one before has returned. */
interface Story<A, B> {
  args: readonly string[];
  inA: (run: Run) => Promise<A>;
  inB: (run: Run, a: A) => Promise<B>;
  backInA: (run: Run, a: A, b: B) => Promise<void>;
}

const SECTOR = 512;
/** What a kernel logs of a device that does not do as it should. */
const COMPLAINTS = 'WARNING:|BUG:|Oops|failed|timed? ?out|hung|[Ee]rror';

/** What the agent takes. */
const oneLine = (script: string): string =>
  script.trim().replaceAll(/(\bdo)?[;\s]*\n\s*/g, (_, keyword?: string) => (keyword ? `${keyword} ` : '; '));

/** There and back with a machine that has the device. */
async function tell<A, B>({ args, inA, inB, backInA }: Story<A, B>): Promise<void> {
  const debuggee = await Debuggee.launch({ autoJump: false, stopAt: [], qemu: { args: [...args] } });
  const run: Run = async (script) => runInGuest(debuggee, `set -e; ${oneLine(script)}`);
  await debuggee.ready('canJump');
  const a = await inA(run);
  const before = Number(await run('dmesg | wc -l'));
  await debuggee.client.request('kexecJump/jump');
  await debuggee.ready('canJumpBack');
  const b = await inB(run, a);
  await debuggee.client.request('kexecJump/jumpBack');
  await debuggee.ready('canJump');
  await backInA(run, a, b);
  assert.equal(await run(`dmesg | tail -n +${before + 1} | grep -E '${COMPLAINTS}' || :`), '');
  await debuggee.end();
}

/** Keeps a program running that nobody waits for. */
const detached = (command: string): string => `(setsid ${command} </dev/null >/dev/null 2>&1 &)`;
/** Waits until a file has a line. */
const untilIn = (file: string, line: string): string =>
  `for i in $(seq 100); do ! grep -qxF "${line}" ${file} || break; usleep 100000; done; grep -xF "${line}" ${file}`;

describe('devices', function () {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-devices-'));
  afterEach(async () => Debuggee.endAll());
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** MiB: of the file system of kernel A, and of the disk. What is behind the file system is kernel B's. */
  const [FILE_SYSTEM, DISK] = [32, 48];

  /** The first disk that is behind a driver: all that sysfs has above it is looked at. */
  const diskOf = (driver: string): string => `
    for disk in /sys/block/*; do
      place=$(readlink -f $disk/device)
      while [ -n "$place" ]; do
        [ "$(basename "$(readlink $place/driver)")" != ${driver} ] || break 2
        place=\${place%/*}
      done
    done
    [ -n "$place" ]
    disk=/dev/\${disk##*/}`;

  const disks: readonly { title: string; driver: string; device: readonly string[] }[] = [
    { title: 'a virtio disk', driver: 'virtio_blk', device: ['-device', 'virtio-blk-pci,drive=disk'] },
    { title: 'an IDE disk', driver: 'ata_piix', device: ['-device', 'ide-hd,drive=disk,bus=ide.0'] },
    {
      title: 'an AHCI disk',
      driver: 'ahci',
      device: ['-device', 'ahci,id=ahci', '-device', 'ide-hd,drive=disk,bus=ahci.0'],
    },
  ];
  for (const { title, driver, device } of disks) {
    it(`${title} has what kernel A and B write, and is mounted all the time`, async () => {
      const file = join(folder, driver);
      makeExt2(file, FILE_SYSTEM);
      truncateSync(file, DISK << 20);
      const mount = (options: string): string => `
        ${diskOf(driver)}
        mkdir -p /mnt/disk
        mount -t ext2 -o ${options} $disk /mnt/disk`;
      await tell({
        args: ['-drive', `file=${file},format=raw,if=none,id=disk`, ...device],
        inA: async (run) => {
          const ticking = `sh -c 'echo $$ >/tmp/ticking; while :; do echo >>/mnt/disk/ticks; usleep 50000; done'`;
          return run(`
            ${mount('rw')}
            head -c 8000000 /dev/urandom >/mnt/disk/of-a
            sync
            ${detached(ticking)}
            sha256sum </mnt/disk/of-a`);
        },
        inB: async (run, sum) => {
          assert.equal(await run(`${mount('ro')}; sha256sum </mnt/disk/of-a; umount /mnt/disk`), sum);
          return run(`
            ${diskOf(driver)}
            head -c 4194304 /dev/urandom >/tmp/of-b
            dd if=/tmp/of-b of=$disk bs=1M seek=${FILE_SYSTEM} oflag=direct 2>/dev/null
            sha256sum </tmp/of-b`);
        },
        backInA: async (run, sum, sumOfB) => {
          assert.equal(await run('echo 3 >/proc/sys/vm/drop_caches; sha256sum </mnt/disk/of-a'), sum);
          const ofB = `${diskOf(driver)}; dd if=$disk bs=1M skip=${FILE_SYSTEM} count=4 iflag=direct 2>/dev/null | sha256sum`;
          assert.equal(await run(ofB), sumOfB);
          await run(`
            before=$(wc -l </mnt/disk/ticks)
            sleep 1
            [ $(wc -l </mnt/disk/ticks) -gt $before ]
            cp /mnt/disk/of-a /mnt/disk/again
            sync
            echo 3 >/proc/sys/vm/drop_caches
            cmp /mnt/disk/of-a /mnt/disk/again
            kill $(cat /tmp/ticking)
            usleep 200000
            umount /mnt/disk`);
        },
      });
      assert.equal(faultsOf(file), '');
    });
  }

  /** Where QEMU starts a program for each connection, which says what it hears. Nothing of the host's can be reached else. */
  const ECHO = { address: '10.0.2.100', port: 7000 };
  const cards: readonly { title: string; driver: string; device: string }[] = [
    { title: 'an e1000 card', driver: 'e1000', device: 'e1000' },
    { title: 'a virtio card', driver: 'virtio_net', device: 'virtio-net-pci' },
  ];
  for (const { title, driver, device } of cards) {
    it(`${title} keeps its address and an open connection of kernel A, while kernel B has its own`, async () => {
      const connect = `nc ${ECHO.address} ${ECHO.port}`;
      const setUp = (address: string): string => `
        path=$(readlink -f /sys/class/net/eth0/device)
        [ "$(basename "$(readlink $path/driver)")" = ${driver} ]
        ip link set eth0 up
        ip addr add ${address}/24 dev eth0`;
      /** Much traffic at once, on a connection of its own. */
      const exchange = `
        head -c 1000000 /dev/urandom >/tmp/sent
        timeout 30 ${connect} </tmp/sent >/tmp/received
        cmp /tmp/sent /tmp/received`;
      const say = (line: string): string => `echo "${line}" >>/tmp/say; ${untilIn('/tmp/heard', line)}`;
      const state = 'ip addr show dev eth0; netstat -tn | grep 7000.*ESTABLISHED';
      await tell({
        args: [
          ...['-netdev', `user,id=net,restrict=on,guestfwd=tcp:${ECHO.address}:${ECHO.port}-cmd:cat`],
          ...['-device', `${device},netdev=net`],
        ],
        inA: async (run) => {
          await run(`${setUp('10.0.2.15')}; ${exchange}; touch /tmp/say`);
          await run(detached(`sh -c 'tail -f /tmp/say | ${connect} >/tmp/heard'`));
          await run(say('before the jump'));
          return run(state);
        },
        inB: async (run) => {
          await run(`${setUp('10.0.2.16')}; ${exchange}`);
        },
        backInA: async (run, before) => {
          await run(say('after the return'));
          assert.equal(await run(state), before);
          assert.equal(await run('cat /tmp/heard'), 'before the jump\nafter the return\n');
          await run(exchange);
        },
      });
    });
  }

  it('a second serial line goes on, in both directions', async () => {
    const socket = join(folder, 'com4');
    let line: Console | undefined;
    const hears = async (text: string): Promise<void> => {
      for (let waited = 0; !line!.tail().includes(text); waited += 50) {
        assert.ok(waited < 10_000, `"${text}" did not come: ${line!.tail()}`);
        await delay(50);
      }
    };
    const listen = `
      stty -F /dev/ttyS3 115200 raw -echo
      ${detached('sh -c "cat /dev/ttyS3 >/tmp/heard"')}
      sleep 1
      stty -F /dev/ttyS3 115200 raw -echo`;
    const talk = async (run: Run, kernel: string): Promise<void> => {
      line!.write(`to ${kernel}\n`);
      await run(untilIn('/tmp/heard', `to ${kernel}`));
      await run(`seq 1000 >/dev/ttyS3; echo "from ${kernel}" >/dev/ttyS3`);
      await hears(`999\n1000\nfrom ${kernel}\n`);
    };
    await tell({
      args: ['-serial', `unix:${socket},server=on,wait=off`],
      inA: async (run) => {
        line = await Console.connect(socket);
        await run(listen);
        await talk(run, 'A');
      },
      inB: async (run) => {
        await run(listen);
        await talk(run, 'B');
      },
      backInA: async (run) => {
        await talk(run, 'A again');
        assert.equal(await run('cat /tmp/heard'), 'to A\nto A again\n');
      },
    });
  });

  it('the real-time clock tells the time, and an alarm that was set before the jump rings after the return', async () => {
    const program = join(folder, 'rtc-alarm');
    const source = join(import.meta.dirname, 'rtcAlarm.c');
    execFileSync('gcc', ['-m32', '-Os', '-static', '-s', '-o', program, source], { stdio: 'pipe' });
    // A disk is of whole sectors.
    truncateSync(program, Math.ceil(statSync(program).size / SECTOR) * SECTOR);
    /** Seconds: longer than the jump and all that kernel B does. */
    const LATER = 60;
    const works = async (run: Run): Promise<void> => {
      const now = Number(await run('cat /sys/class/rtc/rtc0/since_epoch'));
      assert.ok(Math.abs(now - Date.now() / 1000) < 5, `${now} is not now`);
      await run('hwclock -u -r');
      await run('cat /dev/vda >/tmp/alarm; chmod +x /tmp/alarm');
      assert.equal(await run('timeout 10 /tmp/alarm 2'), 'rings\n');
    };
    await tell({
      args: [
        ...['-drive', `file=${program},format=raw,if=none,id=program,readonly=on`],
        ...['-device', 'virtio-blk-pci,drive=program'],
      ],
      inA: async (run) => {
        assert.match(await run('cat /sys/class/rtc/rtc0/name'), /^rtc_cmos/);
        await works(run);
        await run(detached(`sh -c "/tmp/alarm ${LATER} >/tmp/rung"`));
        return Date.now();
      },
      inB: works,
      backInA: async (run, began) => {
        const left = LATER - (Date.now() - began) / 1000;
        assert.ok(left > 0, `kernel A was away for longer than ${LATER} s`);
        assert.equal(await run('cat /tmp/rung'), '');
        await delay((left + 2) * 1000);
        assert.equal(await run('cat /tmp/rung'), 'rings\n');
        await works(run);
      },
    });
  });
});
