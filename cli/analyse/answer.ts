/** What `--json` prints: the document of the command, or in its place what went wrong. */
export type Answer<Document> = Document & { error: { code: string; message: string; doInstead?: string } }
