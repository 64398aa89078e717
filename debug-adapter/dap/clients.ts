/** What a client makes of what it is told, where the protocol leaves that open. */
import type { DebugProtocol } from '@vscode/debugprotocol';

/**
 * Whether the client lets one thread stand still while another runs without taking that for a stop of the session.
 * VS Code does: it honours `preserveFocusHint`. nvim-dap would look at the dormant kernel from then on and send the other
 * one on at its next stop (its `auto_continue_if_many_stopped`), and dap-mode would stay with the dormant one. dap-mode
 * says that it is VS Code, but knows nothing of VS Code's newer events.
 */
export function tellsKernelsApart({
  clientID,
  supportsInvalidatedEvent = false,
}: DebugProtocol.InitializeRequestArguments): boolean {
  return clientID === 'vscode' && supportsInvalidatedEvent;
}
