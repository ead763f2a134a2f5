// `npm run dev`: the server restarts and the client reloads when their sources change.
import { spawn } from 'node:child_process'
import { bun, install, root } from './install.mjs'

await install()
const shell = process.platform === 'win32'
const children = [
  spawn(bun, ['--watch', '--no-clear-screen', 'server/src/main.ts'], { cwd: root, stdio: 'inherit', shell }),
  spawn('npm', ['run', 'dev', '--workspace', 'web'], { cwd: root, stdio: 'inherit', shell }),
]
const stop = (signal) => children.forEach((child) => child.kill(signal))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal))
for (const child of children)
  child.on('exit', (code) => {
    stop('SIGTERM')
    process.exitCode = code ?? 1
  })
