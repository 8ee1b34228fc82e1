import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/**
 * The server answers with `default-src 'self'`: nothing may be inlined (no `data:` assets, no inline script),
 * and every browser we support preloads modules by itself, so Vite's polyfill stays out.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [react()],
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  server: { port: 5173, proxy: { '/api': 'http://127.0.0.1:8787', '/p': 'http://127.0.0.1:8787' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
})
