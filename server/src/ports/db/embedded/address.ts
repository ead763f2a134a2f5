import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Account } from './account.ts'

/** The socket's path may be 107 bytes on Linux and 103 on macOS, its name takes 20 of them. */
const SOCKET_FOLDER_MAX = 80
/** Beginning of the private folders for sockets whose own folder lies too deep. */
export const FALLBACK_SOCKETS = '/tmp/messenger-db-'

export interface Address {
  url(password: string): string
  /** What the server has to be told to be found there, and nowhere else. */
  args: string[]
  clean(): void
}

const freePort = () =>
  new Promise<number>((done, failed) => {
    const server = createServer()
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => done(port))
    })
  })

/** A socket in the database's own folder, which nobody else may enter; a loopback port where sockets do not work. */
export async function address(place: string, account: Account | null): Promise<Address> {
  if (process.platform === 'win32') {
    const port = await freePort()
    return {
      url: (password) => `postgres://messenger:${password}@127.0.0.1:${port}/messenger`,
      args: ['-c', 'listen_addresses=127.0.0.1', '-p', String(port)],
      clean: () => {},
    }
  }
  const deep = Buffer.byteLength(place) > SOCKET_FOLDER_MAX
  const folder = deep ? mkdtempSync(FALLBACK_SOCKETS) : place
  if (deep) chmodSync(folder, 0o700)
  if (deep && account) chownSync(folder, account.uid, account.gid)
  const args = {
    listen_addresses: '',
    unix_socket_directories: folder,
    unix_socket_permissions: '0700',
    port: '5432',
  }
  return {
    url: (password) =>
      `postgres://messenger:${password}@localhost:5432/messenger?host=${encodeURIComponent(folder)}`,
    args: Object.entries(args).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    clean: () => {
      if (deep) rmSync(folder, { recursive: true, force: true })
    },
  }
}
