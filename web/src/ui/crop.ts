export interface Size {
  width: number
  height: number
}

/** Which square of a picture is taken: its middle, in pixels of the picture as it is turned. */
export interface Cut {
  x: number
  y: number
  /** 1: as large a square as there is. */
  zoom: number
  /** Quarters to the left. */
  turns: 0 | 1 | 2 | 3
}

export const ZOOM_MAX = 5
/** The largest square that the server keeps. */
const SIDE_MAX = 640

export const turnedSize = ({ width, height }: Size, turns: number): Size =>
  turns % 2 === 0 ? { width, height } : { width: height, height: width }

/** How long the square's side is, in pixels of the picture. */
export const sideOf = ({ width, height }: Size, zoom: number): number => Math.min(width, height) / zoom

const between = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value))

/** The same cut, moved so that its square lies in the picture. */
export function within(picture: Size, cut: Cut): Cut {
  const zoom = between(cut.zoom, 1, ZOOM_MAX)
  const { width, height } = turnedSize(picture, cut.turns)
  const half = sideOf(picture, zoom) / 2
  return { ...cut, zoom, x: between(cut.x, half, width - half), y: between(cut.y, half, height - half) }
}

export const wholeOf = ({ width, height }: Size): Cut => ({ x: width / 2, y: height / 2, zoom: 1, turns: 0 })

/** A quarter to the left; what was in the middle stays there. */
export function turnedLeft(picture: Size, cut: Cut): Cut {
  const { width } = turnedSize(picture, cut.turns)
  return within(picture, { ...cut, x: cut.y, y: width - cut.x, turns: ((cut.turns + 1) % 4) as Cut['turns'] })
}

/** Where the picture lies for its square to fill `side` pixels around the origin: a CSS transform of an element in the middle. */
export function placed(picture: Size, cut: Cut, side: number): string {
  const { width, height } = turnedSize(picture, cut.turns)
  const scale = side / sideOf(picture, cut.zoom)
  const [x, y] = [(width / 2 - cut.x) * scale, (height / 2 - cut.y) * scale]
  return `translate(${x}px, ${y}px) rotate(${-90 * cut.turns}deg) scale(${scale})`
}

/** The square as a picture of its own; rejects where the browser cannot write one. */
export async function cutOut(image: HTMLImageElement, cut: Cut): Promise<Blob> {
  const picture = { width: image.naturalWidth, height: image.naturalHeight }
  const side = sideOf(picture, cut.zoom)
  const { width, height } = turnedSize(picture, cut.turns)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = Math.max(1, Math.min(SIDE_MAX, Math.round(side)))
  const context = canvas.getContext('2d')!
  context.imageSmoothingQuality = 'high'
  context.translate(canvas.width / 2, canvas.width / 2)
  context.scale(canvas.width / side, canvas.width / side)
  context.translate(width / 2 - cut.x, height / 2 - cut.y)
  context.rotate((-Math.PI / 2) * cut.turns)
  context.drawImage(image, -picture.width / 2, -picture.height / 2)
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/webp', 0.9))
  if (!blob) throw new Error('the browser wrote no picture')
  return blob
}
