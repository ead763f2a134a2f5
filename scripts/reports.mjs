// What each test runner said: how many tests passed, failed and were skipped, and what it told of those that failed.
// Every function gives { passed, failed, skipped, told }, or null where the runner left no report.
import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

/** Lines that are told again of one failure. */
const MOST_LINES = 40

export function checkSummary(said) {
  const told = stripVTControlCharacters(said).split(/^(?=── .* ──$)/m)
  return {
    passed: numberIn(said, /^(\d+) passed, /m),
    failed: numberIn(said, / passed, (\d+) failed$/m),
    skipped: 0,
    told: told.slice(1).map(lastLines),
  }
}

export function nodeSummary(said) {
  return {
    passed: numberIn(said, /^ℹ pass (\d+)/m),
    failed: numberIn(said, /^ℹ fail (\d+)/m),
    skipped: numberIn(said, /^ℹ skipped (\d+)/m) + numberIn(said, /^ℹ todo (\d+)/m),
    told: [],
  }
}

export function bunSummary(said) {
  return {
    passed: numberIn(said, /^ *(\d+) pass$/m),
    failed: numberIn(said, /^ *(\d+) fail$/m) + numberIn(said, /^ *(\d+) errors?$/m),
    skipped: numberIn(said, /^ *(\d+) skip$/m) + numberIn(said, /^ *(\d+) todo$/m),
    told: bunFailures(stripVTControlCharacters(said)),
  }
}

/**
 * The names of the tests that failed, then the errors with their places. Bun's workers tell an error apart from the
 * verdict on its test, sometimes only after the next file has begun: which belongs to which is said by the places.
 */
function bunFailures(said) {
  const names = []
  let file = ''
  for (const line of said.split('\n')) {
    if (/^\S+\.test\.ts:$/.test(line)) file = line
    // The last page tells all of them once more.
    else if (line.startsWith('(fail) ') && !names.some((name) => name.endsWith(line)))
      names.push(`${file} ${line}`)
    else if (/^ +\^ this test timed out/.test(line)) names.push(line)
  }
  if (names.length === 0) return []
  const errors = said.match(/(^ *\d+ \| .*\n)*(^ *\^\n)?^(error|\w*Error): [^]*?(^ +at .*\n)+/gm) ?? []
  return [names.join('\n'), ...errors.map(lastLines)]
}

export function vitestReport(file) {
  const report = readReport(file)
  if (!report) return null
  const failed = report.testResults.filter(({ status }) => status === 'failed')
  // A file that cannot even be loaded holds no failed test, but is a failed suite.
  const broken = failed.filter(({ assertionResults }) => assertionResults.length === 0)
  const tests = failed.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
    told: [
      ...broken.map(({ name, message }) => `${name}\n${firstLines(message)}`),
      ...tests.map(
        ({ fullName, failureMessages }) => `${fullName}\n${firstLines(failureMessages.join('\n'))}`,
      ),
    ],
  }
}

export function playwrightReport(file) {
  const { stats, errors, suites } = readReport(file) ?? {}
  if (!stats) return null
  const noTests = errors.length > 0 && errors.every((error) => /no tests found/i.test(error.message ?? ''))
  // What passes only when tried again is not a passing test.
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + (noTests ? 0 : errors.length),
    skipped: stats.skipped,
    told: [...suites.flatMap(failedSpecs), ...errors.map(({ message }) => firstLines(message ?? ''))],
  }
}

function failedSpecs({ specs, suites = [] }) {
  const failed = specs.flatMap(({ file, line, title, tests }) =>
    tests
      .flatMap(({ results }) => results)
      .filter(({ status }) => status !== 'passed' && status !== 'skipped')
      .map(({ errors }) => {
        const messages = errors.map(({ message }) => message ?? '').join('\n')
        return `${file}:${line} ${title}\n${firstLines(messages)}`
      }),
  )
  return [...failed, ...suites.flatMap(failedSpecs)]
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
}

function numberIn(said, pattern) {
  return Number(pattern.exec(stripVTControlCharacters(said))?.[1] ?? 0)
}

export function lastLines(said) {
  return stripVTControlCharacters(said).trim().split('\n').slice(-MOST_LINES).join('\n')
}

export function firstLines(said) {
  return stripVTControlCharacters(said).trim().split('\n').slice(0, MOST_LINES).join('\n')
}
