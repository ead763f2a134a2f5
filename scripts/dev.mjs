// `npm run dev`: the server restarts and the client reloads when their sources change.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bun, install, root } from './install.mjs'

await install()
const shell = process.platform === 'win32'
const vite = join(root, 'node_modules', '.bin', shell ? 'vite.cmd' : 'vite')
const children = [
  spawn(bun, ['--watch', '--no-clear-screen', 'server/src/main.ts'], { cwd: root, stdio: 'inherit', shell }),
  spawn(vite, ['--clearScreen', 'false'], { cwd: join(root, 'web'), stdio: 'inherit', shell }),
]
const stop = (signal) => children.forEach((child) => child.kill(signal))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal))
for (const child of children)
  child.on('exit', (code) => {
    stop('SIGTERM')
    process.exitCode = code ?? 1
  })
