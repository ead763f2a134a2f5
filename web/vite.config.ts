import vue from '@vitejs/plugin-vue'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

const SERVER = `http://localhost:${process.env['PORT'] ?? 8080}`
const WORTH_COMPRESSING = 1024

/** Leaves a .br and a .gz beside every text: the server sends them as they are. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        for (const [fileName, output] of Object.entries(bundle)) {
          const text = output.type === 'chunk' ? output.code : output.source
          const bytes = Buffer.from(text)
          if (bytes.length < WORTH_COMPRESSING || !/\.(js|css|html|svg|json)$/.test(fileName)) continue
          const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
          this.emitFile({ type: 'asset', fileName: `${fileName}.br`, source: brotli })
          this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(bytes, { level: 9 }) })
        }
      },
    },
  }
}

export default defineConfig({
  plugins: [vue(), compressed()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    target: 'es2023',
    // As old as what the scripts need. Older ones know no light-dark(), and what replaces it is decided at the root:
    // the viewer is dark in both themes, and the themes' previews show each its own.
    cssTarget: ['chrome123', 'edge123', 'firefox121', 'safari17.5'],
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': SERVER, '/files/blob': SERVER, '/ws': { target: SERVER, ws: true } } },
})
