// `npm start`: sets everything up, then serves.
import { spawn } from 'node:child_process'
import { bun, build, install, root } from './install.mjs'

await install()
await build()

const child = spawn(bun, ['server/src/main.ts', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
})
// Ctrl-C reaches the whole foreground group, so the server has heard it already; a signal to this process alone is passed on.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
