/**
 * Landmarks of one face from frame to frame, with the two networks that photos use. The face is looked for only where
 * it is lost; else its place follows from the landmarks of the last frame, as MediaPipe's graph for videos does it.
 */
import { EyeLeftCorners, EyeRightCorners, LandmarkCount } from "../photo/crop.js";
import { DecodeBoxes, DetectorSize, MergeBoxes, RectangleOfFace } from "../photo/faceDetector.js";
import type { ITurnedRectangle } from "../photo/picture.js";

/** A frame of a camera, wherever its pixels are. */
export interface ICameraFrame {
    /** Pixels. */
    readonly width: number;
    readonly height: number;
    /**
     * Samples a rectangle of the frame; black beyond it.
     * @param size edge of the result in pixels
     * @param black what black becomes; white becomes 1
     * @returns `[3,size,size]`, red, green, blue; may be overwritten by the next call of this size
     */
    sample(rectangle: ITurnedRectangle, size: number, black: -1 | 0): Float32Array;
}

/** Whoever runs the networks. */
export interface ILandmarkNetworks {
    /** @param image `[3,128,128]`, −1..1 */
    detectAsync(image: Float32Array): Promise<{ boxes: Float32Array; scores: Float32Array }>;
    /**
     * @param image `[3,192,192]`, 0..1
     * @returns features [16000]: what the network felt before it said where the landmarks are
     */
    findLandmarksAsync(
        image: Float32Array,
    ): Promise<{ landmarks: Float32Array; presence: Float32Array; features: Float32Array }>;
    /**
     * @param change [16000] features minus those at rest; borrowed until the promise settles
     * @returns expressions [E], 0..1, and the turn from rest [3] as the network sees it: axis times radians
     */
    findMotionAsync(change: Float32Array): Promise<{ expressions: Float32Array; turn: Float32Array }>;
}

/** Numbers that the landmark network felt before its landmarks. */
export const FeatureCount = 16_000;
const LandmarkSize = 192;
/** The next frame is searched this many times as far as the landmarks reach. */
const RectangleScale = 1.5;
/** Least probability that a rectangle shows a face. */
const LeastPresence = 0.5;

/** Follows one face, the surest of the first frame. */
export class LandmarkFollower {
    /** [478,3] landmarks of the last frame in its pixels: x right, y down, z away from the camera, from the head. */
    public readonly landmarks = new Float32Array(3 * LandmarkCount);
    /** [16000] what the network felt in the last frame. Not to be changed. */
    public features: Float32Array = new Float32Array(FeatureCount);
    /** Where it looked in the last frame. */
    public square: ITurnedRectangle = { centerX: 0, centerY: 0, width: 1, height: 1, rotation: 0 };
    private _rectangle: ITurnedRectangle | null = null;

    /** @param _networks borrowed */
    public constructor(private readonly _networks: ILandmarkNetworks) {}

    /**
     * Looks at the next frame.
     * @returns whether it shows a face; {@link landmarks} are its
     */
    public async followAsync(frame: ICameraFrame): Promise<boolean> {
        const found =
            (this._rectangle !== null && (await this._lookAsync(frame, this._rectangle))) ||
            (await this._searchAsync(frame));
        if (!found) {
            this._rectangle = null;
        }
        return found;
    }

    /** Forgets the face: the next frame is searched. */
    public reset(): void {
        this._rectangle = null;
    }

    private async _searchAsync(frame: ICameraFrame): Promise<boolean> {
        const edge = Math.max(frame.width, frame.height);
        const square = { centerX: frame.width / 2, centerY: frame.height / 2, width: edge, height: edge, rotation: 0 };
        const { boxes, scores } = await this._networks.detectAsync(frame.sample(square, DetectorSize, -1));
        const [face] = MergeBoxes(DecodeBoxes(boxes, scores));
        return face !== undefined && (await this._lookAsync(frame, RectangleOfFace(face, square)));
    }

    private async _lookAsync(frame: ICameraFrame, rectangle: ITurnedRectangle): Promise<boolean> {
        const image = frame.sample(rectangle, LandmarkSize, 0);
        const { landmarks, presence, features } = await this._networks.findLandmarksAsync(image);
        if (!(presence[0] >= LeastPresence)) {
            return false;
        }
        ToFrame(landmarks, rectangle, this.landmarks);
        this.features = features;
        this.square = rectangle;
        this._rectangle = RectangleAround(this.landmarks);
        return true;
    }
}

/** Landmarks in pixels of the network's picture to pixels of the frame. */
function ToFrame(landmarks: Float32Array, rectangle: ITurnedRectangle, into: Float32Array): void {
    const cos = Math.cos(rectangle.rotation);
    const sin = Math.sin(rectangle.rotation);
    for (let i = 0; i < LandmarkCount; i++) {
        const across = (landmarks[3 * i] / LandmarkSize - 0.5) * rectangle.width;
        const down = (landmarks[3 * i + 1] / LandmarkSize - 0.5) * rectangle.height;
        into[3 * i] = rectangle.centerX + cos * across - sin * down;
        into[3 * i + 1] = rectangle.centerY + sin * across + cos * down;
        into[3 * i + 2] = (landmarks[3 * i + 2] / LandmarkSize) * rectangle.width;
    }
}

/**
 * Where the face will be in the next frame: a square around the landmarks, turned so that the eyes are level.
 * @param landmarks [478,3] pixels
 */
export function RectangleAround(landmarks: Float32Array): ITurnedRectangle {
    const [right, left] = [EyeRightCorners[0], EyeLeftCorners[1]];
    const rotation = Math.atan2(
        landmarks[3 * left + 1] - landmarks[3 * right + 1],
        landmarks[3 * left] - landmarks[3 * right],
    );
    const cos = Math.cos(rotation);
    const sin = Math.sin(rotation);
    let [leastX, mostX, leastY, mostY] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < landmarks.length; i += 3) {
        const x = cos * landmarks[i] + sin * landmarks[i + 1];
        const y = cos * landmarks[i + 1] - sin * landmarks[i];
        leastX = Math.min(leastX, x);
        mostX = Math.max(mostX, x);
        leastY = Math.min(leastY, y);
        mostY = Math.max(mostY, y);
    }
    const [x, y] = [(leastX + mostX) / 2, (leastY + mostY) / 2];
    const edge = RectangleScale * Math.max(mostX - leastX, mostY - leastY);
    return { centerX: cos * x - sin * y, centerY: sin * x + cos * y, width: edge, height: edge, rotation };
}
