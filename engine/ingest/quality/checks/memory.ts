const longest = 300

/**
 * A pure reading of a text that comes again and again, remembered for up to `most` texts that are not long. Texts come
 * from outside, so the memory has a bound and begins anew when it is full.
 */
export function remembered<Answer>(most: number, read: (text: string) => Answer): (text: string) => Answer {
  const answers = new Map<string, Answer>()
  return (text) => {
    const known = answers.get(text)
    if (known !== undefined) return known
    const answer = read(text)
    if (text.length > longest) return answer
    if (answers.size >= most) answers.clear()
    answers.set(text, answer)
    return answer
  }
}
