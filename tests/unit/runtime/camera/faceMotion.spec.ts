import { MultiplyRotations, RotationOfAxisAngle } from "../../../../src/flame/rotation";
import { BetweenTurns, FaceMotion } from "../../../../src/runtime/camera/faceMotion";
import { FeatureCount, type ILandmarkNetworks } from "../../../../src/runtime/camera/landmarkFollower";
import { ViewOfSquare } from "../../../../src/runtime/camera/viewOfSquare";

const Frame = { width: 640, height: 480 };
const Focal = 1.3;
const Middle = { centerX: 320, centerY: 240, width: 200, height: 200, rotation: 0 };
const Corner = { ...Middle, centerX: 480, centerY: 120, rotation: 0.2 };

function Rotation(x: number, y: number, z: number): Float64Array {
    const into = new Float64Array(9);
    RotationOfAxisAngle(x, y, z, into);
    return into;
}

function Product(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
    const into = new Float64Array(9);
    MultiplyRotations(a, b, into);
    return into;
}

const Inverse = (m: ArrayLike<number>): number[] => [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]];

/** Tells what it was asked, and answers a turn. */
class FakeNetworks {
    public change: Float32Array | null = null;
    public turn = Float32Array.of(0, 0, 0);

    public async findMotionAsync(change: Float32Array): Promise<{ expressions: Float32Array; turn: Float32Array }> {
        this.change = change.slice();
        return { expressions: Float32Array.of(0.5, 0.25), turn: this.turn };
    }
}

function Motion(networks: FakeNetworks, restTurn: Float64Array): FaceMotion {
    const view = new Float64Array(9);
    ViewOfSquare(Middle, Frame, Focal, view);
    const frames = [1, 3].map((value) => ({ features: new Float32Array(FeatureCount).fill(value), view }));
    return new FaceMotion(networks as unknown as ILandmarkNetworks, frames, restTurn);
}

describe("face motion", () => {
    it("asks for the change from the mean rest", async () => {
        const networks = new FakeNetworks();
        const motion = Motion(networks, Rotation(0, 0, 0));
        await motion.followAsync(new Float32Array(FeatureCount).fill(2.5), Middle, Frame, Focal);
        expect(networks.change![0]).toBeCloseTo(0.5, 6);
        expect(networks.change![FeatureCount - 1]).toBeCloseTo(0.5, 6);
        expect([...motion.expression]).toEqual([0.5, 0.25]);
    });

    it("gives the turn from rest, wherever in the frame the face is, and however the camera is tilted", async () => {
        const networks = new FakeNetworks();
        const restTurn = Rotation(0.15, -0.1, 0.05);
        const motion = Motion(networks, restTurn);
        const wanted = Rotation(0.1, 0.4, -0.2);
        // What the network sees of that head in the corner, from what it saw of it at rest in the middle.
        const corner = new Float64Array(9);
        ViewOfSquare(Corner, Frame, Focal, corner);
        const seen = Product(Inverse(corner), Product(restTurn, wanted));
        const step = Product(Inverse(restTurn), seen);
        const angle = Math.acos((step[0] + step[4] + step[8] - 1) / 2);
        const scale = angle / (2 * Math.sin(angle));
        networks.turn = Float32Array.of(
            scale * (step[7] - step[5]),
            scale * (step[2] - step[6]),
            scale * (step[3] - step[1]),
        );
        await motion.followAsync(new Float32Array(FeatureCount), Corner, Frame, Focal);
        wanted.forEach((value, i) => expect(motion.turn[i]).withContext(`${i}`).toBeCloseTo(value, 5));
    });

    it("mixes its turn with the fit's, which turns too far, whatever the quaternions' signs", () => {
        const turn = (angle: number, sign: number): Float64Array =>
            Float64Array.of(0, sign * Math.sin(angle / 2), 0, sign * Math.cos(angle / 2));
        const into = turn(0.44, -1);
        BetweenTurns(turn(0.4, 1), into, into);
        // .65 of .4 and .35 of nine tenths of .44
        expect(2 * Math.atan2(into[1], into[3])).toBeCloseTo(0.65 * 0.4 + 0.35 * 0.9 * 0.44, 2);
        expect(Math.hypot(...into)).toBeCloseTo(1, 12);
    });
});
