/** The requests that need a machine: each by its name, with the family that answers it. */
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { jump, jumpBack, loadSnapshot } from '../jump/commands.ts';
import { describeJump } from '../jump/describe.ts';
import { parseHibernateWish } from '../jump/hibernation.ts';
import type { JumpSession } from '../jump/session.ts';
import { describeExchange } from '../map/exchange.ts';
import { pageDetails } from '../map/pageDetails.ts';
import { parseSwapStep, swapStep } from '../jump/swapSteps.ts';
import type { CustomRequests } from '../protocol.ts';
import type { Breakpoints } from './breakpoints.ts';
import { preflight } from './preflight.ts';
import { completions } from './completions.ts';
import { disassemble } from './disassembly.ts';
import { evaluate } from './evaluate.ts';
import { readMemory, writeMemory } from './memory.ts';
import { findGlobals, loadedSources, modules } from './modules.ts';
import { findPage, machineMemory, pageListWords, pageMap, swapProgress } from './pageMap.ts';
import { exceptionInfo, refuseGoto, step } from './runControl.ts';
import type { ReadAhead } from './readAhead.ts';
import { stackTrace } from './stack.ts';
import type { Variables } from './variables.ts';

/** A session whose machine was started, with what the client has set in it. */
export interface Running {
  jump: JumpSession;
  breakpoints: Breakpoints;
  variables: Variables;
  ahead: ReadAhead;
  /** Tells the client to ask for variables again. */
  variablesChanged: () => void;
}

type Handler<Arguments, Body> = (running: Running, wanted: Arguments) => Body | Promise<Body>;
type Of<Arguments, Response extends Dap.Response> = Handler<Arguments, Response['body']>;

/** DAP's own. Source: Debug Adapter Protocol, Requests. */
interface StandardHandlers {
  setBreakpoints: Of<Dap.SetBreakpointsArguments, Dap.SetBreakpointsResponse>;
  setFunctionBreakpoints: Of<Dap.SetFunctionBreakpointsArguments, Dap.SetFunctionBreakpointsResponse>;
  setInstructionBreakpoints: Of<Dap.SetInstructionBreakpointsArguments, Dap.SetInstructionBreakpointsResponse>;
  setDataBreakpoints: Of<Dap.SetDataBreakpointsArguments, Dap.SetDataBreakpointsResponse>;
  setExceptionBreakpoints: Of<Dap.SetExceptionBreakpointsArguments, Dap.SetExceptionBreakpointsResponse>;
  exceptionInfo: Of<Dap.ExceptionInfoArguments, Dap.ExceptionInfoResponse>;
  dataBreakpointInfo: Of<Dap.DataBreakpointInfoArguments, Dap.DataBreakpointInfoResponse>;
  stackTrace: Of<Dap.StackTraceArguments, Dap.StackTraceResponse>;
  scopes: Of<Dap.ScopesArguments, Dap.ScopesResponse>;
  variables: Of<Dap.VariablesArguments, Dap.VariablesResponse>;
  setVariable: Of<Dap.SetVariableArguments, Dap.SetVariableResponse>;
  setExpression: Of<Dap.SetExpressionArguments, Dap.SetExpressionResponse>;
  evaluate: Of<Dap.EvaluateArguments, Dap.EvaluateResponse>;
  completions: Of<Dap.CompletionsArguments, Dap.CompletionsResponse>;
  disassemble: Of<Dap.DisassembleArguments, Dap.DisassembleResponse>;
  readMemory: Of<Dap.ReadMemoryArguments, Dap.ReadMemoryResponse>;
  writeMemory: Of<Dap.WriteMemoryArguments, Dap.WriteMemoryResponse>;
  loadedSources: Of<Dap.LoadedSourcesArguments, Dap.LoadedSourcesResponse>;
  modules: Of<Dap.ModulesArguments, Dap.ModulesResponse>;
  next: Of<Dap.NextArguments, Dap.NextResponse>;
  stepIn: Of<Dap.StepInArguments, Dap.StepInResponse>;
  stepOut: Of<Dap.StepOutArguments, Dap.StepOutResponse>;
  stepBack: Of<Dap.StepBackArguments, Dap.StepBackResponse>;
  reverseContinue: Of<Dap.ReverseContinueArguments, Dap.ReverseContinueResponse>;
  pause: Of<Dap.PauseArguments, Dap.PauseResponse>;
  gotoTargets: Of<Dap.GotoTargetsArguments, Dap.GotoTargetsResponse>;
}

type Handlers = StandardHandlers & {
  [Name in keyof CustomRequests]: Handler<CustomRequests[Name]['arguments'], CustomRequests[Name]['body']>;
};

const HANDLERS: Handlers = {
  setBreakpoints: async ({ breakpoints }, wanted) => ({ breakpoints: await breakpoints.setSource(wanted) }),
  setFunctionBreakpoints: async ({ breakpoints }, wanted) => ({ breakpoints: await breakpoints.setFunctions(wanted) }),
  setInstructionBreakpoints: async ({ breakpoints }, wanted) => ({
    breakpoints: await breakpoints.setInstructions(wanted),
  }),
  setDataBreakpoints: async ({ breakpoints }, wanted) => ({ breakpoints: await breakpoints.setData(wanted) }),
  setExceptionBreakpoints: async ({ breakpoints }, { filters }) => ({
    breakpoints: await breakpoints.setExceptions(filters),
  }),
  exceptionInfo: (running, { threadId }) => exceptionInfo(running.jump, threadId),
  dataBreakpointInfo: async ({ variables }, wanted) => variables.dataBreakpointInfo(wanted),
  stackTrace: async (running, wanted) => stackTrace(running.jump, running.ahead, wanted),
  scopes: async ({ variables }, { frameId }) => ({ scopes: await variables.scopes(frameId) }),
  variables: async ({ variables }, { variablesReference }) => ({ variables: await variables.list(variablesReference) }),
  setVariable: async ({ variables }, { variablesReference, name, value }) => ({
    value: await variables.set(variablesReference, name, value),
  }),
  setExpression: async ({ variables }, { expression, value, frameId }) =>
    variables.setExpression(expression, value, frameId),
  evaluate: async (running, wanted) => evaluate(running.jump, running.variables, wanted),
  completions: async (running, wanted) => ({ targets: await completions(running.jump, wanted) }),
  disassemble: async (running, wanted) => ({ instructions: await disassemble(running.jump, wanted) }),
  readMemory: async (running, wanted) => readMemory(running.jump, wanted),
  writeMemory: async (running, wanted) => writeMemory(running.jump, wanted),
  loadedSources: async (running) => ({ sources: await loadedSources(running.jump) }),
  modules: (running) => ({ modules: modules(running.jump) }),
  next: async (running, wanted) => step(running.jump, 'next', wanted),
  stepIn: async (running, wanted) => step(running.jump, 'stepIn', wanted),
  stepOut: async (running, wanted) => step(running.jump, 'stepOut', wanted),
  stepBack: async (running) => swapStep(running.jump, { kind: 'pageBack' }),
  reverseContinue: async (running) => swapStep(running.jump, { kind: 'start' }),
  pause: async (running) => running.jump.run.pause(),
  gotoTargets: refuseGoto,
  'kexecJump/preflight': async ({ jump: session }, { hibernate }) => preflight(session, hibernate),
  'kexecJump/anyway': async ({ jump: session }) => ({ began: await session.preflight.anyway() }),
  'kexecJump/jump': async (running) => {
    await jump(running.jump);
    return {};
  },
  'kexecJump/jumpBack': (running) => {
    jumpBack(running.jump);
    return {};
  },
  'kexecJump/saveSnapshot': async (running, { name }) => {
    await running.jump.snapshots.save(name);
    return {};
  },
  'kexecJump/loadSnapshot': async (running, { name }) => {
    await loadSnapshot(running.jump, name);
    return {};
  },
  'kexecJump/exchange': async (running, { number }) => describeExchange(running.jump, number),
  'kexecJump/stops': ({ jump: session }) => ({ stops: session.stopChoice.offers() }),
  'kexecJump/setStop': ({ jump: session }, { name, on }) => {
    session.stopChoice.set(name, on);
    return {};
  },
  'kexecJump/describeJump': async (running) => describeJump(running.jump),
  'kexecJump/pageMap': async (running) => pageMap(running.jump),
  'kexecJump/machineMemory': async ({ jump: session }) => machineMemory(session),
  'kexecJump/swapProgress': ({ jump: session }) => swapProgress(session),
  'kexecJump/pageList': async (running) => pageListWords(running.jump),
  'kexecJump/pageDetails': async (running, { pfn }) => ({ rows: await pageDetails(running.jump, pfn) }),
  'kexecJump/findPage': (running, { text }) => findPage(running.jump, text),
  'kexecJump/swapStep': async (running, wanted) => {
    await swapStep(running.jump, parseSwapStep(wanted));
    return {};
  },
  'kexecJump/setAudit': ({ jump: session }, { on }) => {
    session.audit.isOn = on;
    return {};
  },
  'kexecJump/audit': ({ jump: session }) => session.audit.report,
  'kexecJump/findGlobals': (running, { text }) => ({ names: findGlobals(running.jump, text) }),
  'kexecJump/showGlobal': ({ variables, variablesChanged }, { name }) => {
    variables.globals.add(name);
    variablesChanged();
    return {};
  },
  'kexecJump/hibernate': async ({ jump: session }, wanted) => session.hibernation.save(parseHibernateWish(wanted)),
  'kexecJump/cancelHibernate': ({ jump: session }) => {
    session.hibernation.cancel();
    return {};
  },
  'kexecJump/wake': async ({ jump: session }) => {
    await session.suspension.wake();
    return {};
  },
  'kexecJump/agent': async (running, { verb, argument, seconds }) => ({
    text: await running.jump.agent.request(verb, argument, seconds),
  }),
};

/** Requests of the user's own will, whose failure deserves a message; others fail where their answer would be shown. */
const SHOWN: ReadonlySet<string> = new Set([
  'next',
  'stepIn',
  'stepOut',
  'stepBack',
  'reverseContinue',
  'pause',
  'gotoTargets',
]);

/** What answers a request, or `undefined` for one that is not in this table. */
export function handlerOf(command: string): Handler<unknown, unknown> | undefined {
  return Object.hasOwn(HANDLERS, command)
    ? (HANDLERS[command as keyof Handlers] as Handler<unknown, unknown>)
    : undefined;
}

/** Whether the client shall show a failure of this request in a message of its own. */
export const isShown = (command: string): boolean => SHOWN.has(command);
