import { problemOf } from '@einklang/sdk'

const partBytes = 4 * 1024 * 1024

/** First 64 KiB as base64, to recognise columns by. */
export async function headOf(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, 64 * 1024).arrayBuffer())
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** The file's fingerprint, by which a repeated upload is recognised. */
export async function sha256Of(file: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Sends what is missing in parts; a part that failed on the way is tried again. */
export async function sendFile(
  path: string,
  file: Blob,
  from: number,
  onProgress: (share: number) => void,
): Promise<void> {
  for (let offset = from; offset < file.size; offset += partBytes) {
    const part = file.slice(offset, offset + partBytes)
    const separator = path.includes('?') ? '&' : '?'
    const put = (): Promise<Response> =>
      fetch(`${path}${separator}offset=${offset}`, {
        method: 'PUT',
        credentials: 'same-origin',
        headers: { 'content-type': 'application/octet-stream' },
        body: part,
      })
    const response = await put().catch(put)
    if (!response.ok) throw await problemOf(response)
    onProgress(Math.min(1, (offset + part.size) / file.size))
  }
}
