import { dlopen, ptr } from 'bun:ffi'
import { writeFileSync } from 'node:fs'
import { release, setPriority } from 'node:os'

/** The number of sched_setattr(2), which libc has no name for. */
const SCHED_SETATTR: Partial<Record<NodeJS.Architecture, number>> = { x64: 314, arm64: 274 }
/** `struct sched_attr` as of Linux 5.3. */
const ATTRIBUTE_BYTES = 56
const [SCHED_OTHER, SCHED_IDLE] = [0, 5]
const LOWEST = 19
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
  view.setInt32(16, LOWEST, true)
  view.setBigUint64(24, slice_ns, true)
  return new Uint8Array(view.buffer)
}

/** Without privileges a session is put behind once in a tenth of a second on the whole machine: others may be first. */
const AGAIN_MS = 130
const TRIES = 5

/** What is not allowed, or not there in this system, is left out. */
function attempt(step: () => void): void {
  try {
    step()
  } catch {}
}

function putSessionBehind(tries = TRIES): void {
  try {
    writeFileSync('/proc/self/autogroup', String(LOWEST))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN' && tries > 1)
      setTimeout(putSessionBehind, AGAIN_MS, tries - 1).unref()
  }
}

/**
 * Puts this process behind all others, on the system's idle time where that is possible. A process that leads a session
 * of its own is weighed against others by that (sched(7), autogroup), so the session is put behind as well.
 */
export function giveWay(): void {
  attempt(() => setPriority(LOWEST))
  const call = SCHED_SETATTR[process.arch]
  if (process.platform !== 'linux' || call === undefined) return
  putSessionBehind()
  attempt(() => {
    const { symbols, close } = dlopen('libc.so.6', {
      syscall: { args: ['i64', 'i32', 'ptr', 'u32'], returns: 'i64' },
    })
    const attr = hasSlices() ? attributes(SCHED_OTHER, SLICE_NS) : attributes(SCHED_IDLE, 0n)
    symbols.syscall(call, 0, ptr(attr), 0)
    close()
  })
}
