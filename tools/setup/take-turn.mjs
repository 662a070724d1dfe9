import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Two commands in one clone install and build one after the other. Waits while another process is at
 * it; a process that died is not waited for. Returns what ends one's own turn.
 */
export async function takeTurn(root, progress) {
  const file = join(root, '.nx/setup/turn');
  mkdirSync(dirname(file), { recursive: true });
  if (!claim(file)) {
    await progress.step('Waiting for another setup in this clone', async () => {
      while (!claim(file)) await sleep(300);
    });
  }
  const done = () => rmSync(file, { force: true });
  process.once('exit', done);
  return () => {
    process.removeListener('exit', done);
    done();
  };
}

function claim(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!holderIsAlive(file)) rmSync(file, { force: true });
    return false;
  }
}

function holderIsAlive(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // Empty for the instant between making and writing the file.
    if (!pid) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
