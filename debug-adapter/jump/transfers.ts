/** How far the transfer of an image is, for programs and for people. */

export interface TransferEvent {
  what: 'saving' | 'copying' | 'loading';
  bytes: number;
  total: number;
  /** Since it began. */
  seconds: number;
}

const DOING: Readonly<Record<TransferEvent['what'], string>> = {
  saving: 'Kernel B saves',
  copying: 'Copying',
  // Each byte counts twice.
  loading: 'Kernel C writes and compares',
};
const MB = 1e6;

/** Bytes, rate and what is left of the time. */
export function describeTransfer({ what, bytes, total, seconds }: TransferEvent): string {
  const done = `${DOING[what]}: ${Math.round(bytes / MB)} of ${Math.round(total / MB)} MB`;
  if (bytes === 0 || seconds === 0) return done;
  const rate = bytes / seconds;
  return `${done}, ${Math.round(rate / MB)} MB/s, ${Math.ceil((total - bytes) / rate)} s left`;
}
