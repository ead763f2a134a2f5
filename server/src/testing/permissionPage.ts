import { writeFileSync } from 'node:fs'
import { asMarkdown } from './permissions.ts'
import { RULES } from './permissionTable.ts'

/** Writes docs/permissions.md from the table that the tests run. */
writeFileSync(new URL('../../../docs/permissions.md', import.meta.url), asMarkdown(RULES))
