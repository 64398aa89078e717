/** The view Jump in the debug side bar: the jump as it stands, and what comes next. */
import * as vscode from 'vscode';
import { PHASE_MEANING, type JumpDescription, type KexecCallEvent, type StopOffer } from '../debug-adapter/protocol.ts';
import { tellingErrors } from './command.ts';
import type { JumpSessions } from './jumpSessions.ts';
import { whenSettled } from './settled.ts';

const VIEW = 'kexecJump.jump';

/** A row of the tree. */
interface Row {
  id: string;
  label: string;
  description?: string;
  tooltip?: string;
  icon?: string;
  /** A place to stop at: whether the session does. */
  stop?: Pick<StopOffer, 'name' | 'isOn'>;
  children?: Row[];
  /** Whether the children are shown until a person folds them. */
  isOpen?: boolean;
}

export class JumpView implements vscode.Disposable, vscode.TreeDataProvider<Row> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly sessions: JumpSessions) {
    const view = vscode.window.createTreeView(VIEW, {
      treeDataProvider: this,
      showCollapseAll: true,
      // A phase and the calls in it are stopped at each for itself.
      manageCheckboxStateManually: true,
    });
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      view,
      view.onDidChangeCheckboxState(async ({ items }) => {
        for (const [{ stop }, state] of items) if (stop) await this.setStop(stop.name, state);
      }),
      whenSettled(
        () => {
          this.changed.fire();
        },
        sessions.onDidChange,
        vscode.debug.onDidChangeActiveStackItem,
      ),
    );
  }

  async getChildren(row?: Row): Promise<Row[]> {
    if (row) return row.children ?? [];
    if (!this.sessions.active) return [];
    try {
      const { stops } = await this.sessions.request('kexecJump/stops', {});
      return [...rowsOf(await this.sessions.request('kexecJump/describeJump', {})), stopRows(stops)];
    } catch {
      // A session that begins or ends has nothing to tell.
      return [];
    }
  }

  getTreeItem({ id, label, description, tooltip, icon, stop, children, isOpen }: Row): vscode.TreeItem {
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
    const item = new vscode.TreeItem(label, children ? (isOpen ? Expanded : Collapsed) : None);
    item.id = id;
    // A row may have buttons of its own (package.json, view/item/context).
    item.contextValue = id;
    item.accessibilityInformation = { label: [label, description, tooltip].filter(Boolean).join(', ') };
    if (description !== undefined) item.description = description;
    if (tooltip !== undefined) item.tooltip = tooltip;
    if (stop) item.checkboxState = stop.isOn ? Checked : Unchecked;
    if (icon !== undefined) item.iconPath = new vscode.ThemeIcon(icon);
    return item;
  }

  private async setStop(name: string, state: vscode.TreeItemCheckboxState): Promise<void> {
    const on = state === vscode.TreeItemCheckboxState.Checked;
    await tellingErrors(async () => this.sessions.request('kexecJump/setStop', { name, on }));
    this.changed.fire();
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

function rowsOf(jump: JumpDescription): Row[] {
  return [
    { id: 'next', label: jump.next, tooltip: jump.next, icon: 'lightbulb' },
    phaseRows(jump),
    ...jump.kernels.map(kernelRow),
    ...windowRows(jump),
    ...listRows(jump),
    ...segmentRows(jump),
    ...jump.controlPages.map(controlPageRow),
    ...machineRows(jump),
  ];
}

function phaseRows({ phases }: JumpDescription): Row {
  const children = phases.map(({ phase, seconds, calls }, index): Row => {
    const isCurrent = index === phases.length - 1;
    const lasted = (phases[index + 1]?.seconds ?? seconds) - seconds;
    return {
      // VS Code remembers by its id that a row is not open: from when it had nothing in it.
      ...{
        id: `phase ${index}${calls.length > 0 ? ' with calls' : ''}`,
        label: phase,
        tooltip: PHASE_MEANING[phase],
        isOpen: isCurrent,
      },
      description: isCurrent ? `since ${seconds.toFixed(2)} s` : `${lasted.toFixed(2)} s`,
      icon: isCurrent ? 'circle-filled' : 'pass',
      ...(calls.length > 0 && {
        children: calls.map((call, number) => callRow(call, `phase ${index} call ${number}`)),
      }),
    };
  });
  return {
    id: 'phases',
    label: 'Phases',
    description: phases.at(-1)?.phase ?? 'booting',
    icon: 'list-ordered',
    isOpen: true,
    children,
  };
}

/** A call of kernel_kexec(). */
function callRow({ function: name, began, returned, error }: KexecCallEvent, id: string): Row {
  if (error !== undefined) return { id, label: `${name}()`, description: `failed: ${error}`, icon: 'error' };
  if (returned === undefined) return { id, label: `${name}()`, description: 'is under way', icon: 'circle-filled' };
  return { id, label: `${name}()`, description: `${(returned - began).toFixed(2)} s`, icon: 'pass' };
}

function stopRows(stops: readonly StopOffer[]): Row {
  const row = ({ name, meaning, isOn }: Omit<StopOffer, 'calls'>, label: string): Row => ({
    ...{ id: `stop ${name}`, label, tooltip: meaning, stop: { name, isOn } },
  });
  const on = stops.flatMap((stop) => [stop, ...stop.calls]).filter(({ isOn }) => isOn).length;
  return {
    ...{ id: 'stops', label: 'Stop at', description: `${on} chosen`, icon: 'debug-breakpoint' },
    tooltip: 'Phases, and calls of kernel_kexec(), at which the session stops by itself.',
    children: stops.map((stop) => ({
      ...row(stop, stop.name),
      ...(stop.calls.length > 0 ? { children: stop.calls.map((call) => row(call, `${call.function}()`)) } : {}),
    })),
  };
}

function kernelRow({ name, standing, vmlinux, banner, offset }: JumpDescription['kernels'][number]): Row {
  const id = `kernel ${name}`;
  return {
    ...{ id, label: `Kernel ${name}`, description: standing, icon: 'server-process', tooltip: banner },
    children: [
      value(id, 'vmlinux', vmlinux),
      value(id, 'Version', banner),
      ...(offset === undefined
        ? []
        : [value(id, 'Moved by', hex(offset), 'From where it is linked: KASLR, or a window')]),
    ],
  };
}

function windowRows({ window }: JumpDescription): Row[] {
  if (!window) return [];
  const range = `${hex(window.min)} – ${hex(window.max)}`;
  const tooltip = 'Physical memory that kernel B gets; the pages of kernel A there are swapped out of it.';
  return [
    {
      id: 'window',
      label: 'Window',
      description: `${range}, ${size(window.max + 1 - window.min)}`,
      icon: 'window',
      tooltip,
    },
  ];
}

function listRows({ pageList: list }: JumpDescription): Row[] {
  if (!list) return [];
  const id = 'page list';
  return [
    {
      ...{ id, label: 'Page list', description: `${list.exchanges + list.selfPages} destinations`, icon: 'arrow-swap' },
      children: [
        value(id, 'Pairs that change places', String(list.exchanges), 'A destination and its source'),
        value(
          id,
          'Self pages',
          String(list.selfPages),
          'Source and destination in one: kexec got the very page it wanted',
        ),
        value(id, 'Indirection pages', String(list.indirectionPages), 'Pages that hold the list'),
        value(id, 'Words of the list', String(list.entries)),
      ],
    },
  ];
}

function segmentRows({ segments }: JumpDescription): Row[] {
  if (segments.length === 0) return [];
  const children = segments.map(({ kind, address, size: bytes, loaded }, index) => ({
    ...{ id: `segment ${index}`, label: `${kind[0]!.toUpperCase()}${kind.slice(1)}` },
    description: `${hex(address)}, ${size(bytes)}`,
    tooltip: `Physical ${hex(address)} – ${hex(address + bytes - 1)}; ${size(loaded)} have content`,
    icon: 'package',
  }));
  return [
    { id: 'segments', label: 'Segments', description: `${segments.length} loaded by kexec`, icon: 'layers', children },
  ];
}

function controlPageRow({ kernel, physical, virtual, reentry, slots }: JumpDescription['controlPages'][number]): Row {
  const id = `control page ${kernel}`;
  const rows = Object.entries(slots).map(([name, number]) => value(id, SLOT_LABELS[name] ?? name, hex(number)));
  return {
    ...{ id, label: `Control page of kernel ${kernel}`, description: hex(physical), icon: 'circuit-board' },
    children: [
      value(id, 'Virtual address', hex(virtual)),
      ...(reentry === undefined
        ? []
        : [value(id, 'Re-entry point', hex(reentry), 'Where a jump back enters, physical')]),
      ...rows.filter(({ label }) => label !== SLOT_LABELS['virtual']),
    ],
  };
}

const SLOT_LABELS: Readonly<Record<string, string>> = {
  esp: 'Stack pointer',
  cr0: 'CR0',
  cr3: 'CR3',
  cr4: 'CR4',
  virtual: 'Its own virtual address',
  pageDirectory: 'Page directory of the jump',
  swapPage: 'Swap page',
  head: 'Head of the page list',
};

function machineRows({ machine }: JumpDescription): Row[] {
  if (!machine) return [];
  const id = 'machine';
  const { eip, cr0, cr3, cr4, paging, pageTables, gdt, idt } = machine;
  const table = (name: string, { base, limit }: { base: number; limit: number }): Row =>
    value(id, name, limit === 0 ? 'none (limit 0)' : `${hex(base)}, limit ${hex(limit)}`);
  return [
    {
      ...{ id, label: 'Machine', description: paging ? 'paging is on' : 'paging is off', icon: 'chip' },
      children: [
        value(id, 'Instruction', hex(eip)),
        value(id, 'CR0', hex(cr0)),
        value(id, 'CR3', `${hex(cr3)}: ${pageTables}`),
        value(id, 'CR4', hex(cr4)),
        ...(gdt ? [table('GDT', gdt)] : []),
        ...(idt ? [table('IDT', idt)] : []),
      ],
    },
  ];
}

function value(parent: string, label: string, description: string, tooltip?: string): Row {
  return { id: `${parent}: ${label}`, label, description, ...(tooltip === undefined ? {} : { tooltip }) };
}

const hex = (address: number): string => `0x${address.toString(16).padStart(8, '0')}`;

function size(bytes: number): string {
  if (bytes >= 1 << 20) return `${Number((bytes / (1 << 20)).toFixed(1))} MiB`;
  return `${Number((bytes / 1024).toFixed(1))} KiB`;
}
