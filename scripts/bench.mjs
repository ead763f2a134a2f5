// `npm run bench [scenario …] [--seconds=8]`: measures a started server over the wire and prints the table.
import { spawn } from 'node:child_process'
import { bun, build, install, root } from './install.mjs'

await install()
await build()
const child = spawn(bun, ['bench/src/main.ts', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
