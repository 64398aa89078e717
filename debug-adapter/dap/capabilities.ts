/** What the adapter tells its client that it can do. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { BREAKPOINT_MODES } from './breakpointModes.ts';
import { EXCEPTION_FILTERS } from './exceptionFilters.ts';

export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsInstructionBreakpoints: true,
  exceptionBreakpointFilters: [...EXCEPTION_FILTERS],
  supportsExceptionInfoRequest: true,
  breakpointModes: [...BREAKPOINT_MODES],
  supportsSteppingGranularity: true,
  supportsDisassembleRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsSetVariable: true,
  supportsEvaluateForHovers: true,
  supportsSetExpression: true,
  supportsCompletionsRequest: true,
  supportsModulesRequest: true,
  supportsLoadedSourcesRequest: true,
  supportsDataBreakpoints: true,
  supportsLogPoints: true,
  supportsGotoTargetsRequest: true,
  supportsRestartRequest: true,
  supportsTerminateRequest: true,
};
