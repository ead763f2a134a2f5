import { dlopen, ptr } from 'bun:ffi'
import { writeFileSync } from 'node:fs'
import { release, setPriority } from 'node:os'

/** The number of sched_setattr(2), which libc has no name for. */
const SCHED_SETATTR: Partial<Record<NodeJS.Architecture, number>> = { x64: 314, arm64: 274 }
/** `struct sched_attr` as of Linux 5.3. */
const ATTRIBUTE_BYTES = 56
const [SCHED_OTHER, SCHED_IDLE] = [0, 5]
/** Among the processes of its session, or of its container. */
const NICE = 10
const SESSION_LAST = 19
const SESSION_LIKE_OTHERS = 0
/** The longest slice that there is: whoever wakes up with a shorter one goes first. */
const SLICE_NS = 100_000_000n

/** Processes have slices of their own since Linux 6.12. Before, only idle time lets others go first at once. */
function hasSlices(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 12)
}

function attributes(policy: number, slice_ns: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES))
  view.setUint32(0, ATTRIBUTE_BYTES, true)
  view.setUint32(4, policy, true)
  view.setInt32(16, NICE, true)
  view.setBigUint64(24, slice_ns, true)
  return new Uint8Array(view.buffer)
}

/** Without privileges sessions are weighed anew once in a tenth of a second on the whole machine: others may be first. */
const AGAIN_MS = 130
const TRIES = 5

/** What is not allowed, or not there in this system, is left out. */
function attempt(step: () => void): void {
  try {
    step()
  } catch {}
}

function weighSession(pid: number, nice: number, tries = TRIES): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(nice))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN' && tries > 1)
      setTimeout(weighSession, AGAIN_MS, pid, nice, tries - 1).unref()
  }
}

/** Weighs a process that leads a session like any other, or puts it behind all others again. */
export const hurry = (pid: number): void => weighSession(pid, SESSION_LIKE_OTHERS)
export const hurryNoMore = (pid: number): void => weighSession(pid, SESSION_LAST)

/**
 * Puts this process behind all others, on the system's idle time where that is possible. A process that leads a session
 * of its own is weighed against others by that (sched(7), autogroup), so the session is put behind as well.
 */
export function giveWay(): void {
  attempt(() => setPriority(NICE))
  const call = SCHED_SETATTR[process.arch]
  if (process.platform !== 'linux' || call === undefined) return
  hurryNoMore(process.pid)
  attempt(() => {
    const { symbols, close } = dlopen('libc.so.6', {
      syscall: { args: ['i64', 'i32', 'ptr', 'u32'], returns: 'i64' },
    })
    const attr = hasSlices() ? attributes(SCHED_OTHER, SLICE_NS) : attributes(SCHED_IDLE, 0n)
    symbols.syscall(call, 0, ptr(attr), 0)
    close()
  })
}
