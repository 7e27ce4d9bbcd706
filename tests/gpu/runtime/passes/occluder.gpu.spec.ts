// What a head hides: left out of the view, and not missed in the picture. The open head with surfels and hair that
// stands off it.
import { CreateExpressionPose, ExpressionIndex, type ExpressionPose } from "../../../../src/flame/expression";
import { ParseHeadModel, type HeadModel } from "../../../../src/flame/headModel";
import { BuildTexelTable, type TexelTable } from "../../../../src/flame/texelTable";
import { DrawArgsLayout } from "../../../../src/runtime/layout";
import {
    AvatarBuffers,
    HeadBuffers,
    SplatDrawPass,
    SplatPipeline,
    ViewBuffers,
    type ICameraSettings,
    type ICrowdMember,
} from "../../../../src/runtime/passes";
import { DrawnAsync } from "../../../support/drawn";
import { ExpectNoGpuErrors, GetDevice, Psnr, ReadBuffer, Submit } from "../../../support/gpu";
import { Multiply, Orthographic, Perspective, Scaling, Translation, TurnX, TurnY } from "../../../support/matrices";
import { Surfels } from "../../../support/surfels";

const size = 256;
const mapSize = 128;
const degree = Math.PI / 180;

/** In front of a face at the origin that looks along +z. */
const camera: ICameraSettings = {
    viewFromWorld: Translation(0, 0, -0.6),
    clipFromView: Perspective(3.4, 1, 0.05, 20, true),
    viewportWidthPx: size,
    viewportHeightPx: size,
    rightHanded: true,
};

/** The same picture in a left-handed scene: view space is mirrored in z, so that the camera looks along +z. */
const leftHanded: ICameraSettings = {
    ...camera,
    viewFromWorld: Multiply(Scaling(1, 1, -1), Translation(0, 0, -0.6)),
    clipFromView: Perspective(3.4, 1, 0.05, 20),
    rightHanded: false,
};

/** NDC z from 1 near to 0 far. */
function Reversed(clipFromView: ArrayLike<number>): number[] {
    return Array.from(clipFromView, (value, i) => (i % 4 === 2 ? clipFromView[i + 1] - value : value));
}

/** Hair that stands off the upper head, in waves: meters. */
function HairAt([x, y, z]: readonly number[]): number {
    const share = Math.min(1, Math.max(0, (y - 0.02 - 0.6 * z) / 0.06));
    return share * (0.015 + 0.003 * Math.sin(120 * x) * Math.sin(90 * y));
}

interface IShot {
    readonly pixels: Float64Array;
    readonly drawn: number;
}

describe("the occluder", () => {
    let device: GPUDevice;
    let pipeline: SplatPipeline;
    let draw: SplatDrawPass;
    let model: HeadModel;
    let table: TexelTable;
    let head: HeadBuffers;
    let avatar: AvatarBuffers;
    let map: Float32Array<ArrayBuffer>;

    beforeAll(async () => {
        device = await GetDevice();
        pipeline = await SplatPipeline.CreateAsync(device, { sort: "counting" });
        draw = await SplatDrawPass.CreateAsync(device, { colorFormat: "rgba16float" });
        model = ParseHeadModel(await (await fetch("/repo/assets/models/open-head.bin")).arrayBuffer());
        table = BuildTexelTable(model, mapSize);
        head = new HeadBuffers(device, model, table, BuildTexelTable(model, 16));
        map = Surfels(model, table, { overlap: 1, heightOf: HairAt });
        // All inside the mouth is green, so that one sees what of it is seen.
        const inside = ["mouthInterior", "teethUpper", "teethLower", "tongue"].map((name) =>
            model.regions.indexOf(name),
        );
        for (let g = 0; g < table.gaussianCount; g++) {
            if (inside.includes(model.faceRegion[table.face[g]])) {
                [0, 1, 0].forEach((value, c) => (map[(4 + c) * mapSize ** 2 + table.texel[g]] = value));
            }
        }
        avatar = new AvatarBuffers(device, head);
        avatar.setStaticMap(map);
    });

    afterAll(async () => {
        await ExpectNoGpuErrors();
        avatar.dispose();
        head.dispose();
    });

    async function ShootAsync(
        members: readonly ICrowdMember[],
        settings: ICameraSettings,
        cullHidden: boolean,
    ): Promise<IShot> {
        const total = members.reduce((sum, member) => sum + member.avatar.gaussiansAt(member.level ?? 0), 0);
        const view = new ViewBuffers(device, total, members.length);
        const shown = members.map((member) => ({ cullBackFaces: true, cullHidden, ...member }));
        Submit(device, (encoder) => pipeline.prepareCrowd(encoder, shown, view, settings));
        const pixels = await DrawnAsync(draw, view, size);
        const drawn = new Uint32Array(await ReadBuffer(device, view.drawArgs))[DrawArgsLayout.offsets.visibleCount / 4];
        view.dispose();
        return { pixels, drawn };
    }

    /**
     * Takes a picture with and one without what is hidden. @returns the share that is left out, and how alike they are
     */
    async function CompareAsync(
        what: string,
        members: readonly ICrowdMember[],
        settings = camera,
    ): Promise<{ share: number; psnr: number; shots: readonly IShot[] }> {
        const shots = [await ShootAsync(members, settings, false), await ShootAsync(members, settings, true)];
        const share = 1 - shots[1].drawn / shots[0].drawn;
        const psnr = Psnr(shots[0].pixels, shots[1].pixels);
        console.log(`${what}: ${(100 * share).toFixed(1)} % left out, ${psnr.toFixed(1)} dB`);
        return { share, psnr, shots };
    }

    function Turned(yaw: number, pitch = 0): ICrowdMember {
        return { avatar, worldFromPosed: Multiply(TurnX(pitch * degree), TurnY(yaw * degree)), opacity: 1 };
    }

    function Pose(change: (pose: ExpressionPose) => void = () => undefined): ExpressionPose {
        const pose = CreateExpressionPose(model);
        change(pose);
        return pose;
    }
    const open = (pose: ExpressionPose): void => void (pose.expression[ExpressionIndex(model, "jawOpen")] = 1);

    for (const [what, yaw, pitch, least, change] of [
        ["front", 0, 0, 0.12],
        ["side", 90, 0, 0.15],
        ["behind", 180, 0, 0.25],
        ["from above", 20, 50, 0.2],
        ["from below", 30, -18, 0.12],
        ["the mouth wide open", 25, 0, 0.12, open],
        ["the head turned", 0, 0, 0.12, (pose: ExpressionPose): void => void pose.pose.set([0.2, 0.7, 0], 3)],
    ] as const) {
        it(`leaves out what nobody misses: ${what}`, async () => {
            avatar.setExpression(Pose(change));
            const { share, psnr } = await CompareAsync(what, [Turned(yaw, pitch)]);
            expect(share).toBeGreaterThan(least);
            expect(psnr).toBeGreaterThan(45);
        });
    }

    it("leaves the inside of an open mouth alone", async () => {
        const greens: number[] = [];
        for (const change of [(): void => undefined, open]) {
            avatar.setExpression(Pose(change));
            for (const { pixels } of (await CompareAsync("green", [Turned(0)])).shots) {
                let green = 0;
                for (let i = 0; i < pixels.length; i += 4) {
                    green += pixels[i + 1] > 0.7 && pixels[i] < 0.3 ? 1 : 0;
                }
                greens.push(green);
            }
        }
        const [, closed, all, left] = greens;
        expect(all).toBeGreaterThan(closed + 200);
        expect(left).toBe(all);
    });

    for (const [what, settings, scale] of [
        ["left-handed scenes", leftHanded, 1],
        ["mirrored avatars", camera, -1],
        ["mirrored avatars in left-handed scenes", leftHanded, -1],
        ["reverse depth", { ...camera, clipFromView: Reversed(camera.clipFromView) }, 1],
        ["orthographic cameras", { ...leftHanded, clipFromView: Orthographic(0.36, 0.36, 0.05, 20) }, 1],
        [
            "orthographic cameras with reverse depth",
            { ...leftHanded, clipFromView: Reversed(Orthographic(0.36, 0.36, 0.05, 20)) },
            1,
        ],
        [
            "NDC from −1 to 1",
            {
                ...camera,
                clipFromView: [3.4, 0, 0, 0, 0, 3.4, 0, 0, 0, 0, -1.005, -1, 0, 0, -0.10025, 0],
                ndcHalfZ: false,
            },
            1,
        ],
    ] as const) {
        it(`works in ${what}`, async () => {
            avatar.setExpression(Pose());
            const { worldFromPosed } = Turned(150);
            const member = {
                avatar,
                worldFromPosed: Multiply(Scaling(scale, 1, 1), worldFromPosed as number[]),
                opacity: 1,
            };
            const { share, psnr } = await CompareAsync(what, [member], settings);
            expect(share).toBeGreaterThan(0.2);
            expect(psnr).toBeGreaterThan(45);
        });
    }

    it("works in coarse levels of detail, and while they are faded", async () => {
        avatar.setExpression(Pose());
        const coarse = await CompareAsync("level 1", [{ ...Turned(180), level: 1 }]);
        expect(coarse.share).toBeGreaterThan(0.2);
        expect(coarse.psnr).toBeGreaterThan(40); // its discs are 1 cm wide
        const both = [
            { ...Turned(180), level: 0, share: 0.7 },
            { ...Turned(180), level: 1, share: 0.3 },
        ] as const;
        const faded = await CompareAsync("between levels", both);
        expect(faded.share).toBeGreaterThan(0.2);
        expect(faded.psnr).toBeGreaterThan(45);
    });

    it("hides avatars behind it, also instances with another face, and itself only from where it is", async () => {
        const twin = new AvatarBuffers(device, head, avatar);
        avatar.setExpression(Pose());
        twin.setExpression(Pose(open));
        const behind: ICrowdMember = {
            avatar: twin,
            worldFromPosed: Multiply(Translation(0, 0, -0.6), Scaling(1.3, 1.3, 1.3)),
            opacity: 1,
        };
        const alone = await CompareAsync("one", [Turned(0)]);
        const two = await CompareAsync("one behind the other", [behind, Turned(0)]);
        const [all, left] = two.shots.map(({ drawn }, i) => drawn - alone.shots[i].drawn);
        expect(left).toBeLessThan(0.4 * all);
        expect(two.psnr).toBeGreaterThan(45);
        // A faded avatar is hidden too, and hides nothing.
        const ghost = await CompareAsync("a ghost behind", [{ ...behind, opacity: 0.5 }, Turned(0)]);
        expect(ghost.share).toBeGreaterThan(0.3);
        expect(ghost.psnr).toBeGreaterThan(45);
        const before = await CompareAsync("a ghost before", [
            { ...behind, cullHidden: false },
            { ...Turned(0), opacity: 0.5 },
        ]);
        expect(before.share).toBe(0);
        const besides: ICrowdMember = { avatar: twin, worldFromPosed: Translation(0.35, 0, -0.6), opacity: 1 };
        const apart = await CompareAsync("beside each other", [besides, Turned(0)], {
            ...camera,
            clipFromView: Perspective(1.5, 1, 0.05, 20, true),
        });
        expect(apart.psnr).toBeGreaterThan(45);
        twin.dispose();
    });

    it("is left alone where it would be wrong, or no use", async () => {
        avatar.setExpression(Pose());
        const { worldFromPosed } = Turned(180);
        for (const [what, member, settings] of [
            ["eyes that share an order", Turned(180), { ...camera, keepOffScreen: true }],
            ["views into the neck", Turned(180, -50), camera],
            ["small heads", Turned(180), { ...camera, viewFromWorld: Translation(0, 0, -6) }],
            ["avatars that do not want it", { avatar, worldFromPosed, opacity: 1, cullHidden: false }, camera],
        ] as const) {
            const { share } = await CompareAsync(what, [member], settings);
            expect(share).withContext(what).toBe(0);
        }
        const translucent = map.slice();
        translucent.fill(1, 3 * mapSize ** 2, 4 * mapSize ** 2);
        const [other, unread] = [new AvatarBuffers(device, head), new AvatarBuffers(device, head)];
        other.setStaticMap(map);
        expect(other.hasOccluder).toBeTrue();
        other.setStaticMap(translucent);
        expect([other.hasOccluder, unread.hasOccluder]).toEqual([false, false]);
        const broken = map.slice();
        broken[table.texel[0]] = NaN;
        other.setStaticMap(broken);
        expect(other.hasOccluder).toBeFalse();
        other.dispose();
        unread.dispose();
    });

    it("keeps what is nearer than the camera's near plane from hiding anything", async () => {
        avatar.setExpression(Pose());
        const cut = { ...camera, clipFromView: Perspective(3.4, 1, 0.6, 20, true) }; // through the middle of the head
        const { psnr } = await CompareAsync("a head cut open", [Turned(0)], cut);
        expect(psnr).toBeGreaterThan(40); // past the edge of the cut, as at that of the neck, some is missing
    });

    it("costs no dispatch, and leaves no texture behind", async () => {
        const textures = new Set<GPUTexture>();
        const create = device.createTexture.bind(device);
        spyOn(device, "createTexture").and.callFake((descriptor) => {
            const texture = create(descriptor);
            if (descriptor.label?.startsWith("view.")) {
                textures.add(texture);
                const destroy = texture.destroy.bind(texture);
                texture.destroy = () => {
                    textures.delete(texture);
                    return destroy();
                };
            }
            return texture;
        });
        avatar.setExpression(Pose());
        const view = new ViewBuffers(device, table.gaussianCount);
        const dispatches = [false, true, true, false].map((cullHidden) => {
            const before = pipeline.dispatches;
            const passes = jasmine.createSpy("render passes");
            Submit(device, (encoder) => {
                const begin = encoder.beginRenderPass.bind(encoder);
                encoder.beginRenderPass = (descriptor) => {
                    passes();
                    return begin(descriptor);
                };
                pipeline.prepareCrowd(encoder, [{ ...Turned(180), cullHidden }], view, camera);
            });
            expect(passes).toHaveBeenCalledTimes(cullHidden ? 1 : 0);
            return pipeline.dispatches - before;
        });
        // the first poses the face
        expect(dispatches.slice(1)).toEqual([dispatches[0] - 1, dispatches[0] - 1, dispatches[0] - 1]);
        expect(textures.size).toBe(1);
        const { byteLength } = view;
        expect(byteLength).toBeGreaterThan(4 * 128 * 128);
        view.dispose();
        expect(textures.size).toBe(0);
        expect(view.byteLength).toBe(0);
    });
});
