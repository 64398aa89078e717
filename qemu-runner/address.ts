/** Addresses of sockets that a user gives: a path, or a port of this machine. */
import type { NetConnectOpts } from 'node:net';
import { addressNotLocal } from './errors.ts';

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])?$/;

/**
 * Reads `host:port` (a loopback host, which may be left out) or the path of a unix socket; QEMU's `tcp:` in front is taken.
 * @throws UserFacingError `address-not-local` for another machine: a gdbstub has no password and no encryption.
 */
export function parseAddress(address: string): NetConnectOpts {
  const [, host = '', port] = /^(?:tcp:)?([^/]*):(\d{1,5})$/.exec(address) ?? [];
  if (port === undefined) return { path: address };
  if (!LOOPBACK.test(host)) throw addressNotLocal(address);
  return { host: host.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(port) };
}
