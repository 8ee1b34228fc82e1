import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import '@mantine/spotlight/styles.css'
import './shell/shell.css'
import { createRoot } from 'react-dom/client'
import { Application } from './shell/application.tsx'
import { startLanguage } from './shell/language.ts'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')
void startLanguage().then(() => createRoot(root).render(<Application />))
