/** The way to the host, and what the host keeps for us while we are hidden. */
import type { HostMessage, PageMapMessage } from '../protocol.ts';
import type { Camera } from './camera.ts';
import type { ListState } from './listPane.ts';

/** What a person set: it is there again when the page map is shown again. */
export interface ViewState {
  layer: string;
  /** Switched on or off by hand: layer id and class id, or `owner` and owner id, joined by a slash. */
  switches: Record<string, boolean>;
  selected: number;
  list?: ListState;
  /** Absent while the whole memory is in view. */
  zoomed?: { camera: Camera; columnBits: number };
}

interface CodeApi {
  postMessage(message: PageMapMessage): void;
  getState(): ViewState | undefined;
  setState(state: ViewState): void;
}

declare function acquireVsCodeApi(): CodeApi;

export class Host {
  private readonly api = acquireVsCodeApi();
  private saving: ReturnType<typeof setTimeout> | undefined;

  get state(): ViewState | undefined {
    return this.api.getState();
  }

  send(message: PageMapMessage): void {
    this.api.postMessage(message);
  }

  listen(hear: (message: HostMessage) => void): void {
    window.addEventListener('message', ({ data }: MessageEvent<HostMessage>) => {
      hear(data);
    });
  }

  /** Keeps the state soon; while a person pans it changes with every frame. */
  save(state: () => ViewState): void {
    this.saving ??= setTimeout(() => {
      this.saving = undefined;
      this.api.setState(state());
    }, 100);
  }
}
