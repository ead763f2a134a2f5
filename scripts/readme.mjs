// Keeps the tables of README.md true: `node scripts/readme.mjs` writes them, `--check` fails when they are not.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bun, root } from './install.mjs'

const FILE = join(root, 'README.md')
const RESULTS = join(root, 'bench/results/latest.json')
const cell = (text) => text.replaceAll('|', '\\|')

function settings() {
  const program = `import { describeSettings } from './server/src/config.ts'; console.log(JSON.stringify(describeSettings({})))`
  const all = JSON.parse(execFileSync(bun, ['-e', program], { cwd: root, encoding: 'utf8' }))
  const rows = all.map(({ name, meaning, standard, secret }) => {
    const names = secret ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``
    return `| ${names} | ${standard ? `\`${cell(standard)}\`` : ''} | ${cell(meaning)} |`
  })
  return ['| name | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

function figures() {
  if (!existsSync(RESULTS)) return 'Not measured yet: `npm run bench`.'
  const { conditions, figures: all } = JSON.parse(readFileSync(RESULTS, 'utf8'))
  const rows = all.map(
    ({ work, measured, floor, aim, limit, met }) =>
      `| ${[work, measured, `${floor}${met ? '' : ' (not met)'}`, aim, limit].map(cell).join(' | ')} |`,
  )
  const { cpu, memory_gb, bun: runtime, system, placement, at } = conditions
  return [
    `Measured ${at.slice(0, 10)} on ${cpu}, ${memory_gb} GB, ${system}, Bun ${runtime}; ${placement}.`,
    '',
    '| work | measured | floor | aim | limit in the same run |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

let text = readFileSync(FILE, 'utf8')
for (const [name, made] of Object.entries({ config: settings(), figures: figures() }))
  text = text.replace(
    new RegExp(`(<!-- ${name} -->)[\\s\\S]*?(<!-- /${name} -->)`),
    (_, open, close) => `${open}\n\n${made}\n\n${close}`,
  )
const { format, resolveConfig } = await import('prettier')
text = await format(text, { ...(await resolveConfig(FILE)), filepath: FILE })
if (process.argv.includes('--check')) {
  if (text !== readFileSync(FILE, 'utf8')) {
    console.error('README.md is not what `node scripts/readme.mjs` makes of it.')
    process.exitCode = 1
  }
} else writeFileSync(FILE, text)
