import type { FeedWays } from '@einklang/contract'
import { openFolder, openFtp, openSftp } from './files.ts'
import { createReach, type ReachOptions } from './reach.ts'
import { openMysql, openPostgres } from './tables.ts'

/** Folders, SFTP and FTP servers and databases that feeds read from; every host goes through one gate. */
export function feedWays(options: ReachOptions & { watched: string }): FeedWays {
  const reach = createReach(options)
  return {
    folder: (settings) => openFolder(options.watched, settings),
    sftp: (settings, secret) => openSftp(reach, settings, secret),
    ftp: (settings, secret) => openFtp(reach, settings, secret),
    postgres: (settings, secret) => openPostgres(reach, settings, secret),
    mysql: (settings, secret) => openMysql(reach, settings, secret),
  }
}
