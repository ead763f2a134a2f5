import pluginVue from 'eslint-plugin-vue'
import tseslint from 'typescript-eslint'
import vueParser from 'vue-eslint-parser'

const TESTS = ['**/*.test.ts', 'server/src/testing/**', 'bench/**', 'e2e/**']

const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'The environment is read in server/src/main.ts only and handed on as configuration.',
}
const noBun = {
  selector: "MemberExpression[object.name='Bun']",
  message: 'Runtime vendor calls live in server/src/{http,ports,features/realtime} only.',
}

export default tseslint.config(
  { ignores: ['**/node_modules/', '**/dist/', 'data/', '.cache/', 'e2e/output/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommended,
  ...pluginVue.configs['flat/recommended'],
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': ['error', noEnvironment, noBun],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // Prettier decides how it looks.
      // `{}` as "no parameters" is what the contract's generics mean.
      '@typescript-eslint/no-empty-object-type': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vue/attributes-order': 'off',
      'vue/multi-word-component-names': 'off',
      // `exactOptionalPropertyTypes` says the same about an absent prop, and props here are TypeScript.
      'vue/require-default-prop': 'off',
      // Wire names are snake_case everywhere, also as props and events.
      'vue/prop-name-casing': 'off',
      'vue/attribute-hyphenation': 'off',
      'vue/v-on-event-hyphenation': 'off',
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/no-v-html': 'error',
    },
  },
  {
    files: ['**/*.vue'],
    languageOptions: { parser: vueParser, parserOptions: { parser: tseslint.parser, sourceType: 'module' } },
  },
  {
    files: ['{contract,server,bench,e2e,web}/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  { files: ['server/src/**', 'web/src/**', 'contract/src/**'], rules: { 'no-console': 'error' } },
  {
    files: ['server/src/{http,ports,features/realtime}/**', ...TESTS],
    rules: { 'no-restricted-syntax': ['error', noEnvironment] },
  },
  {
    files: ['server/src/main.ts', 'scripts/**', '*.{js,cjs,mjs,ts}', '*/*.config.ts', ...TESTS],
    rules: { 'no-restricted-syntax': 'off', 'no-console': 'off' },
  },
  // Bun types `expect(…).rejects` as returning nothing; it returns a promise.
  { files: ['**/*.test.ts'], rules: { '@typescript-eslint/await-thenable': 'off' } },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
)
