import '@xyflow/react/dist/style.css'
import { Badge, Text, useComputedColorScheme } from '@mantine/core'
import { IconArrowsSplit, IconClock, IconDoorExit, IconFlag, IconHelpCircle, IconSend } from '@tabler/icons-react'
import {
  Background,
  Controls,
  type Edge as FlowEdge,
  type Node as FlowNode,
  Handle,
  MarkerType,
  type NodeProps,
  Position,
  ReactFlow,
  useNodesState,
} from '@xyflow/react'
import { type ComponentType, type ReactNode, useEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../kit/format.ts'
import classes from './canvas.module.css'
import { edgesOf, type Graph, type Place, placesOf, type Step, type StepKind, waysOf } from './graph.ts'

export const stepIcons: { [kind in StepKind]: ComponentType<{ size?: number; stroke?: number }> } = {
  trigger: IconFlag,
  wait: IconClock,
  check: IconHelpCircle,
  send: IconSend,
  split: IconArrowsSplit,
  exit: IconDoorExit,
}

type StepData = {
  step: Step
  title: string
  detail: string
  waiting: number
  passed: number
  problem: boolean
  wayNames: { [way: string]: string }
}
type StepNode = FlowNode<StepData, 'step'>

export type CanvasProps = {
  graph: Graph
  titleOf: (step: Step) => string
  detailOf: (step: Step) => string
  counts: {
    nodes: { id: string; waiting: number; passed: number }[]
    edges: { from: string; to: string; label: string; count: number }[]
  }
  problems: string[]
  selected: string | null
  editable: boolean
  onSelect: (id: string | null) => void
  onMove: (id: string, at: Place) => void
  onConnect: (from: string, way: string, to: string) => void
}

/** The journey as a drawing: steps, ways between them and how many went each way. */
export function Canvas(props: CanvasProps): ReactNode {
  const { t } = useTranslation()
  const format = useFormat()
  const scheme = useComputedColorScheme('light')
  const { graph, counts, titleOf, detailOf, problems, selected } = props

  const drawn = useMemo((): StepNode[] => {
    const places = placesOf(graph)
    return graph.nodes.map((step) => {
      const count = counts.nodes.find((node) => node.id === step.id)
      return {
        id: step.id,
        type: 'step',
        position: places.get(step.id) ?? { x: 0, y: 0 },
        selected: step.id === selected,
        ariaLabel: `${titleOf(step)}: ${detailOf(step)}`,
        data: {
          step,
          title: titleOf(step),
          detail: detailOf(step),
          waiting: count?.waiting ?? 0,
          passed: count?.passed ?? 0,
          problem: problems.includes(step.id),
          wayNames: { yes: t('kit.yes'), no: t('kit.no') },
        },
      }
    })
  }, [graph, counts.nodes, titleOf, detailOf, problems, selected, t])

  const [nodes, setNodes, onNodesChange] = useNodesState(drawn)
  useEffect(() => setNodes(drawn), [drawn, setNodes])

  const edges = useMemo(
    (): FlowEdge[] =>
      edgesOf(graph).map((edge) => {
        const count = countOn(counts.edges, edge)
        const name = edge.label === 'yes' ? t('kit.yes') : edge.label === 'no' ? t('kit.no') : edge.label
        const parts = [name, count === null ? '' : format.count(count)].filter((part) => part !== '')
        return {
          id: `${edge.from} ${edge.way}`,
          source: edge.from,
          sourceHandle: edge.way,
          target: edge.to,
          label: parts.join(' · '),
          type: 'smoothstep',
          labelShowBg: true,
          labelBgPadding: [6, 3],
          labelBgBorderRadius: 6,
          markerEnd: { type: MarkerType.ArrowClosed, width: 18, height: 18 },
          ariaLabel: `${edge.from} → ${edge.to} ${parts.join(' ')}`,
        }
      }),
    [graph, counts.edges, format, t],
  )

  return (
    <div className={classes.canvas} data-testid="canvas">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        onNodesChange={onNodesChange}
        onNodeClick={(_, node) => props.onSelect(node.id)}
        onSelectionChange={({ nodes: chosen }) => {
          const first = chosen[0]
          if (first !== undefined && first.id !== selected) props.onSelect(first.id)
        }}
        onPaneClick={() => props.onSelect(null)}
        onNodeDragStop={(_, node) =>
          props.onMove(node.id, { x: Math.round(node.position.x), y: Math.round(node.position.y) })
        }
        onConnect={(link) => props.onConnect(link.source, link.sourceHandle ?? 'next', link.target)}
        nodesDraggable={props.editable}
        nodesConnectable={props.editable}
        deleteKeyCode={null}
        multiSelectionKeyCode={null}
        colorMode={scheme}
        fitView
        fitViewOptions={{ padding: 0.15, maxZoom: 1 }}
        minZoom={0.2}
        proOptions={{ hideAttribution: true }}
        aria-label={t('journey.canvas')}
      >
        <Background gap={20} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  )
}

function countOn(
  counts: { from: string; to: string; label: string; count: number }[],
  edge: { from: string; to: string; label: string },
): number | null {
  const between = counts.filter((count) => count.from === edge.from && count.to === edge.to)
  const exact = between.find((count) => count.label === edge.label)
  return (exact ?? (between.length === 1 ? between[0] : undefined))?.count ?? null
}

function StepCard(props: NodeProps<StepNode>): ReactNode {
  const format = useFormat()
  const { t } = useTranslation()
  const { data, selected } = props
  const Icon = stepIcons[data.step.kind]
  const ways = waysOf(data.step)
  return (
    <div
      className={classes.step}
      data-kind={data.step.kind}
      data-selected={selected}
      data-problem={data.problem}
      data-testid={`step-${data.step.id}`}
    >
      {data.step.kind === 'trigger' ? null : <Handle type="target" position={Position.Top} />}
      <div className={classes.head}>
        <Icon size={16} stroke={1.7} />
        <Text size="sm" fw={600} truncate>
          {data.title}
        </Text>
      </div>
      <Text size="xs" c="dimmed" lineClamp={2}>
        {data.detail}
      </Text>
      {data.waiting > 0 ? (
        <Badge size="sm" variant="light" mt={4} tt="none">
          {t('journey.waitingHere', { count: data.waiting, shown: format.count(data.waiting) })}
        </Badge>
      ) : data.passed > 0 ? (
        <Text size="xs" c="dimmed" mt={4}>
          {t('journey.passed', { count: data.passed, shown: format.count(data.passed) })}
        </Text>
      ) : null}
      {ways.map((way, index) => (
        <Handle
          key={way.way}
          id={way.way}
          type="source"
          position={Position.Bottom}
          style={{ left: `${((index + 1) / (ways.length + 1)) * 100}%` }}
          title={data.wayNames[way.label] ?? way.label}
        />
      ))}
    </div>
  )
}

const nodeTypes = { step: StepCard }
