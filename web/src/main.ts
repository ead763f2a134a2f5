import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './app.ts'
import { i18n, useLanguage } from './i18n.ts'
import { useSettings } from './features/settings/store.ts'
import './styles/index.css'

const app = createApp(App).use(createPinia()).use(i18n)
await useLanguage(useSettings().settings.language)
app.use(router)
await router.isReady()
app.mount('#app')
