import { Anchor, type AnchorProps } from '@mantine/core'
import { createLink, type LinkComponent } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, ReactNode, Ref } from 'react'
import { isPerson } from './names.ts'

type Props = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'color'> &
  Pick<AnchorProps, 'size' | 'fw' | 'c' | 'underline'> & { ref?: Ref<HTMLAnchorElement> }

function PlainLink(props: Props): ReactNode {
  return <Anchor size="sm" underline="hover" {...props} />
}

/** A link to a screen, in running text and tables. */
export const ScreenLink: LinkComponent<typeof PlainLink> = createLink(PlainLink)

/** To a customer; the most frequent link of all. */
export function PersonLink(props: { person: string; name: string }): ReactNode {
  if (!isPerson(props.person)) return props.name
  return (
    <ScreenLink to="/profile/$person" params={{ person: props.person }}>
      {props.name}
    </ScreenLink>
  )
}
