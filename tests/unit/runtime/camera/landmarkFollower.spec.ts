import { LandmarkFollower, RectangleAround, type ICameraFrame } from "../../../../src/runtime/camera/landmarkFollower";
import { DetectorAnchors } from "../../../../src/runtime/photo/faceDetector";
import type { ITurnedRectangle } from "../../../../src/runtime/photo/picture";

/** Networks that see a face of 100 pixels around a place, and nothing else. */
class FakeFace {
    public readonly asked: string[] = [];
    public place: readonly [number, number] | null = [300, 200];
    private _rectangle: ITurnedRectangle | null = null;
    public readonly frame: ICameraFrame = {
        width: 640,
        height: 480,
        sample: (rectangle, size) => {
            this._rectangle = rectangle;
            return new Float32Array(3 * size * size);
        },
    };

    public async detectAsync(): Promise<{ boxes: Float32Array; scores: Float32Array }> {
        this.asked.push("detector");
        const scores = new Float32Array(896).fill(-20);
        const boxes = new Float32Array(896 * 16);
        if (this.place) {
            const anchors = DetectorAnchors();
            const [x, y] = [this.place[0] / 640, (this.place[1] + 80) / 640]; // the frame's square begins above it
            let nearest = 0;
            for (let i = 0; i < 896; i++) {
                const far = (k: number): number => Math.hypot(anchors[2 * k] - x, anchors[2 * k + 1] - y);
                nearest = far(i) < far(nearest) ? i : nearest;
            }
            scores[nearest] = 5;
            const [dx, dy] = [128 * (x - anchors[2 * nearest]), 128 * (y - anchors[2 * nearest + 1])];
            const size = (128 * 100) / 640;
            boxes.set([dx, dy, size, size, dx - 4, dy - 3, dx + 4, dy - 3], 16 * nearest);
        }
        return { boxes, scores };
    }

    public async findMotionAsync(): Promise<never> {
        throw new Error("a landmark follower asks for no motion");
    }

    public async findLandmarksAsync(): Promise<{
        landmarks: Float32Array;
        presence: Float32Array;
        features: Float32Array;
    }> {
        this.asked.push("landmarks");
        const features = Float32Array.of(this.asked.length);
        const { centerX, centerY, width } = this._rectangle!;
        const landmarks = new Float32Array(3 * 478);
        if (!this.place || Math.hypot(centerX - this.place[0], centerY - this.place[1]) > width / 2) {
            return { landmarks, presence: Float32Array.of(0.1), features };
        }
        for (let i = 0; i < 478; i++) {
            const angle = (2 * Math.PI * i) / 478;
            const [x, y] = [this.place[0] + 50 * Math.cos(angle), this.place[1] + 50 * Math.sin(angle)];
            landmarks[3 * i] = 192 * ((x - centerX) / width + 0.5);
            landmarks[3 * i + 1] = 192 * ((y - centerY) / width + 0.5);
        }
        const level = (k: number, x: number): void => {
            landmarks[3 * k] = 192 * ((this.place![0] + x - centerX) / width + 0.5);
            landmarks[3 * k + 1] = 192 * ((this.place![1] - centerY) / width + 0.5);
        };
        level(33, -30);
        level(263, 30);
        return { landmarks, presence: Float32Array.of(0.9), features };
    }
}

describe("landmark follower", () => {
    it("searches once, then goes by the last landmarks, and searches again where the face is gone", async () => {
        const face = new FakeFace();
        const follower = new LandmarkFollower(face);
        expect(await follower.followAsync(face.frame)).toBeTrue();
        expect(follower.landmarks[0]).toBeCloseTo(350, 3);
        expect(follower.landmarks[1]).toBeCloseTo(200, 3);
        face.place = [330, 210];
        expect(await follower.followAsync(face.frame)).toBeTrue();
        expect(follower.landmarks[0]).toBeCloseTo(380, 3);
        expect([...follower.features]).toEqual([3]);
        expect(follower.square.centerX).toBeCloseTo(300, 0); // where the face was in the frame before
        expect(face.asked).toEqual(["detector", "landmarks", "landmarks"]);
        face.place = null;
        expect(await follower.followAsync(face.frame)).toBeFalse();
        face.place = [120, 300];
        expect(await follower.followAsync(face.frame)).toBeTrue();
        expect(face.asked.slice(3)).toEqual(["landmarks", "detector", "detector", "landmarks"]);
    });

    it("looks at a square half as large again, with level eyes", () => {
        const roll = 0.3;
        const landmarks = new Float32Array(3 * 478);
        const put = (i: number, x: number, y: number): void => {
            landmarks[3 * i] = 200 + Math.cos(roll) * x - Math.sin(roll) * y;
            landmarks[3 * i + 1] = 100 + Math.sin(roll) * x + Math.cos(roll) * y;
        };
        for (let i = 0; i < 478; i++) {
            put(i, 0, 0);
        }
        put(33, -20, 0);
        put(263, 20, 0);
        put(10, 0, -40);
        put(152, 0, 60);
        const { centerX, centerY, width, rotation } = RectangleAround(landmarks);
        expect(width).toBeCloseTo(150, 3);
        expect(rotation).toBeCloseTo(roll, 5);
        expect(centerX).toBeCloseTo(200 - Math.sin(roll) * 10, 3);
        expect(centerY).toBeCloseTo(100 + Math.cos(roll) * 10, 3);
    });
});
