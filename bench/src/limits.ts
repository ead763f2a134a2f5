import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Listeners } from './listeners.ts'
import { freePort, pin, type BenchServer } from './server.ts'

/** One-row INSERTs a second that pgbench gets into the same database; null where there is no pgbench. */
export function pgbench(server: BenchServer, seconds: number): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'messenger-pgbench-'))
  const script = join(folder, 'insert.sql')
  writeFileSync(
    script,
    "\\set chat random(1, 1000)\ninsert into bench_rows (chat_id, seq, sender_id, content) values (:chat, 1, 1, 'a message of about forty characters, say');\n",
  )
  const environment = { ...process.env, PGPASSWORD: server.password }
  const where = ['-h', server.place, '-p', '5432', '-U', 'messenger']
  try {
    const { stdout, error } = spawnSync(
      'pgbench',
      [...where, '-n', '-c', '4', '-j', '1', '-T', String(seconds), '-f', script, 'messenger'],
      { env: environment, encoding: 'utf8' },
    )
    const found = /tps = ([\d.]+)/.exec(stdout ?? '')
    if (error || !found) {
      console.log('pgbench is not on the PATH: figures are printed without the limit of the bare INSERT.')
      return null
    }
    return Number(found[1])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Deliveries a second of nothing but `server.publish` to this many sockets, eight texts in a turn of the loop. */
export async function bareBroadcast(sockets: number, seconds: number): Promise<number> {
  const port = await freePort()
  const child = spawn(process.execPath, [join(import.meta.dir, 'bare.ts'), String(port)], {
    stdio: 'inherit',
  })
  try {
    for (;;) {
      const up = await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      )
      if (up) break
      await Bun.sleep(10)
    }
    pin(child.pid!, 0)
    const listeners = await Listeners.open(port, Array<null>(sockets).fill(null))
    await fetch(`http://127.0.0.1:${port}/go`)
    await Bun.sleep(500)
    const [before, began] = [listeners.frames, performance.now()]
    await Bun.sleep(seconds * 1000)
    const rate = ((listeners.frames - before) / (performance.now() - began)) * 1000
    await listeners.close()
    return rate
  } finally {
    child.kill('SIGKILL')
  }
}
