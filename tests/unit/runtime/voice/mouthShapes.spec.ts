// What the visemes do to the lips of the shipped head.
import { ExpressVertices, ShapeJoints } from "../../../../src/flame/blendshapes";
import { ArkitNames, CreateExpressionPose, EffectivePose } from "../../../../src/flame/expression";
import type { HeadModel } from "../../../../src/flame/headModel";
import { MediaPipeLandmarks } from "../../../../src/flame/landmarks";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../../../../src/flame/skinning";
import { MouthMotion } from "../../../../src/runtime/voice/mouthMotion";
import { SpeechShapes } from "../../../../src/runtime/voice/mouthShapes";
import { VisemeFrames, type VoiceViseme, VoiceVisemes } from "../../../../src/runtime/voice/visemeFrames";
import { OpenHeadAsync } from "../../../support/heads";

/** MediaPipe's landmarks: inner lips in the middle, corners, the front of the upper lip. */
const [UpperInner, LowerInner, RightCorner, LeftCorner, UpperFront] = [13, 14, 61, 291, 0];

describe("the mouth of a voice", () => {
    let head: HeadModel;
    beforeAll(async () => (head = await OpenHeadAsync()));

    /** Gap between the lips, width of the mouth and how far the upper lip is in front, millimeters. */
    const lips = (weights: Float32Array) => {
        const face = CreateExpressionPose(head);
        ArkitNames.forEach((name, index) => (face.expression[head.expressions.indexOf(name)] = weights[index]));
        const vertices = new Float32Array(head.template.length);
        ExpressVertices(head, face.expression, vertices);
        const pose = EffectivePose(head, face, new Float32Array(15));
        const joints = ShapeJoints(head, head.template);
        SkinVertices(head, vertices, JointMatrices(pose, joints, new Float32Array(JointMatricesLength)), vertices);
        const points = MediaPipeLandmarks(head, vertices);
        return {
            gap: 1000 * (points[3 * UpperInner + 1] - points[3 * LowerInner + 1]),
            width: 1000 * Math.abs(points[3 * LeftCorner] - points[3 * RightCorner]),
            front: 1000 * points[3 * UpperFront + 2],
            lowerFront: 1000 * points[3 * LowerInner + 2],
        };
    };

    const say = (at: number, ...spans: readonly (readonly [VoiceViseme, number])[]) => {
        const frames = new VisemeFrames(spans.reduce((sum, [, count]) => sum + count, 0));
        for (const [viseme, count] of spans) {
            for (let frame = 0; frame < count; frame++) {
                frames.push(
                    VoiceVisemes.map((name) => (name === viseme ? 1 : 0)),
                    0.8,
                );
            }
        }
        const motion = new MouthMotion(SpeechShapes);
        motion.move(frames, frames.timeOf(at));
        return lips(motion.weights);
    };

    it("is shut on a p of 50 ms between two a, though the jaw is not up by then", () => {
        const rest = lips(new Float32Array(ArkitNames.length));
        expect(say(10, ["aa", 20], ["PP", 5], ["aa", 20]).gap).toBeGreaterThan(rest.gap + 12);
        expect(say(22, ["aa", 20], ["PP", 5], ["aa", 20]).gap).toBeLessThan(rest.gap);
    });

    it("is narrow and in front on u and o, wide on i", () => {
        const rest = lips(new Float32Array(ArkitNames.length));
        for (const viseme of ["U", "O"] as const) {
            const face = say(20, [viseme, 40]);
            expect(face.width)
                .withContext(viseme)
                .toBeLessThan(rest.width - 4);
            expect(face.front)
                .withContext(viseme)
                .toBeGreaterThan(rest.front + 2);
        }
        expect(say(20, ["I", 40]).width).toBeGreaterThan(rest.width + 2);
    });

    it("has the lower lip behind the upper one and near it on f", () => {
        const rest = lips(new Float32Array(ArkitNames.length));
        const face = say(20, ["FF", 40]);
        expect(face.gap).toBeLessThan(rest.gap + 2.5);
        expect(face.lowerFront).toBeLessThan(rest.lowerFront - 2);
    });
});
