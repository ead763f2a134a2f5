import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { until } from '../../testing/until.ts'
import { Passwords } from './passwords.ts'

/** Nothing of a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The processes that this one started for hashing. */
const hashers = () =>
  read(`/proc/self/task/${process.pid}/children`)
    .split(' ')
    .filter((pid) => pid !== '' && read(`/proc/${pid}/cmdline`).includes('hasher.ts'))

/** The fields of /proc/PID/stat (proc(5)) from the third on: names may have spaces and brackets. */
const NICE = 19 - 3
const niceOf = (pid: string) =>
  Number(
    read(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')[NICE],
  )

/** How its session is weighed, where the system does that. */
const stands = (pid: string, nice: number) =>
  !existsSync(`/proc/${pid}/autogroup`) || read(`/proc/${pid}/autogroup`).includes(`nice ${nice}\n`)

if (process.platform !== 'linux')
  process.stderr.write('SKIPPED: where hashing stands among processes, because this reads /proc of Linux.\n')

test.skipIf(process.platform !== 'linux')(
  'hashing has no more processes than cores, and they stand behind all others',
  async () => {
    const passwords = new Passwords()
    const hashes = Promise.all(Array.from({ length: 12 }, (_, n) => passwords.hash(`password ${n}`)))
    const behind = (pid: string) => niceOf(pid) === 10 && stands(pid, 19)
    await until('they all stand behind', () => hashers().length > 0 && hashers().every(behind))
    expect(hashers().length).toBeLessThanOrEqual(navigator.hardwareConcurrency)
    expect(new Set(await hashes).size).toBe(12)
    passwords.close()
    await until('they are gone', () => hashers().length === 0)
  },
)

test.skipIf(process.platform !== 'linux')('a hash that takes long waits behind nobody any more', async () => {
  const passwords = new Passwords()
  // About a second on an idle core.
  const verified = passwords.verify('a password', 'pbkdf2-sha256$8000000$c2FsdA==$aGFzaA==')
  await until('it has begun', () => hashers().length === 1 && stands(hashers()[0]!, 19))
  const [pid] = hashers()
  await until('it is hurried', () => stands(pid!, 0))
  expect(await verified).toBe(false)
  await until('it stands behind again', () => stands(pid!, 19))
  passwords.close()
  await until('it is gone', () => hashers().length === 0)
})
