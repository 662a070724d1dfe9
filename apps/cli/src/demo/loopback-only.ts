// Loaded before a server that names no address to listen on: it gets 127.0.0.1.
import { Server } from 'node:net';

const listen = Server.prototype.listen as (...args: unknown[]) => Server;
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  const [port, ...rest] = args;
  const bare = typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port));
  return bare && typeof rest[0] !== 'string'
    ? listen.call(this, Number(port), '127.0.0.1', ...rest)
    : listen.apply(this, args);
} as Server['listen'];
