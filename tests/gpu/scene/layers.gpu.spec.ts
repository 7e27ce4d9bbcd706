// Effect layers: a highlight follows the head's own outline, of one avatar or of all, and what glows behind a head does
// not shine through it.
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { GlowLayer } from "@babylonjs/core/Layers/glowLayer";
import { HighlightLayer } from "@babylonjs/core/Layers/highlightLayer";
import { SelectionOutlineLayer } from "@babylonjs/core/Layers/selectionOutlineLayer";
import type { FlexAvatar } from "../../../src/plugin/avatar/flexAvatar";
import { AddAvatarAsync, AddBox, CanvasPx, ColorAt } from "../../support/stage";
import { Compare, ExpectAlike, ExpectColor, MakeSolid, ShootAsync, type Rgb } from "../../support/pictures";
import { ShareStage } from "../../support/sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Middle: [number, number] = [CanvasPx / 2, CanvasPx / 2];
const synthetic = MakeSolid(avatarColor);

/** Pixels that are nothing but head: it is all there is in the picture. */
function Inside(alone: ArrayLike<number>, reachPx = 3): Set<number> {
    const isHead = (x: number, y: number): boolean => ColorAt(alone, x, y)[0] > 190;
    const inside = new Set<number>();
    for (let y = reachPx; y < CanvasPx - reachPx; y++) {
        for (let x = reachPx; x < CanvasPx - reachPx; x++) {
            if ([-reachPx, 0, reachPx].every((dy) => [-reachPx, 0, reachPx].every((dx) => isHead(x + dx, y + dy)))) {
                inside.add(y * CanvasPx + x);
            }
        }
    }
    return inside;
}

/** Largest difference within a set of pixels. */
function WorstWithin(pixels: Set<number>, a: ArrayLike<number>, b: ArrayLike<number>): number {
    let worst = 0;
    for (const pixel of pixels) {
        for (let channel = 0; channel < 3; channel++) {
            worst = Math.max(worst, Math.abs(a[4 * pixel + channel] - b[4 * pixel + channel]));
        }
    }
    return worst;
}

/** Pixels that are much bluer than they were. */
function Bluer(
    before: ArrayLike<number>,
    after: ArrayLike<number>,
    within?: (x: number, y: number) => boolean,
): number {
    let count = 0;
    for (let pixel = 0; pixel < CanvasPx ** 2; pixel++) {
        if (after[4 * pixel + 2] > before[4 * pixel + 2] + 40) {
            count += !within || within(pixel % CanvasPx, Math.floor(pixel / CanvasPx)) ? 1 : 0;
        }
    }
    return count;
}

describe("effect layers with an avatar", () => {
    const stage = ShareStage(synthetic);
    const blue = new Color3(0, 0, 1);

    // What a failed spec left behind must not fail the next.
    afterEach(() => {
        [...(stage.scene.effectLayers ?? [])].forEach((layer) => layer.dispose());
        stage.component.avatars.filter((other) => other !== stage.avatar).forEach((other) => other.dispose());
    });

    it("highlight the outline of all avatars of a splat mesh, and leave their faces and the picture after them alone", async () => {
        const before = await ShootAsync(stage);
        const layer = new HighlightLayer("highlight", stage.scene, { mainTextureRatio: 1 });
        layer.addMesh(stage.avatar.splatMesh, blue);
        const lit = await ShootAsync(stage, 6);
        expect(WorstWithin(Inside(before, 4), lit, before))
            .withContext("face")
            .toBeLessThan(24); // the inner glow of the rim
        ExpectColor(lit, Middle, avatarColor, 2);
        expect(Bluer(before, lit)).withContext("outline").toBeGreaterThan(200);
        layer.innerGlow = false;
        const outer = await ShootAsync(stage, 2);
        expect(WorstWithin(Inside(before), outer, before))
            .withContext("face without inner glow")
            .toBe(0);
        expect(Bluer(before, outer)).toBeGreaterThan(150);
        layer.removeMesh(stage.avatar.splatMesh);
        ExpectAlike(await ShootAsync(stage, 2), before, 0, 0, "removed");
        layer.addMesh(stage.avatar.splatMesh, blue);
        await ShootAsync(stage, 2);
        layer.dispose();
        ExpectAlike(await ShootAsync(stage, 2), before, 0, 0, "disposed");
    });

    it("highlight one avatar of several by its proxy mesh, also behind another one", async () => {
        const { avatar, scene } = stage;
        const other = await AddAvatarAsync(stage, synthetic, { name: "other" });
        expect(other.splatMesh).toBe(avatar.splatMesh);
        avatar.position.set(-0.1, 0, 0);
        other.position.set(0.1, 0, 0);
        const before = await ShootAsync(stage, 2);
        const layer = new HighlightLayer("highlight", scene, { mainTextureRatio: 1, innerGlow: false } as never);
        layer.innerGlow = false;
        layer.addMesh(other.proxyMesh, blue);
        // The camera looks along -z at faces that look to +z: +x of the world is on the left of the picture.
        const beside = await ShootAsync(stage, 6);
        const otherIsLeft = stage.camera.getViewMatrix().m[0] < 0;
        const left = (x: number): boolean => x < CanvasPx / 4;
        const right = (x: number): boolean => x > (3 * CanvasPx) / 4;
        expect(Bluer(before, beside, otherIsLeft ? left : right)).toBeGreaterThan(30);
        expect(Bluer(before, beside, otherIsLeft ? right : left)).toBe(0);
        ExpectColor(beside, Middle, ColorAt(before, ...Middle), 255);

        avatar.position.set(-0.03, 0, 0.12);
        other.position.set(0.03, 0, -0.12);
        const apart = await behindAsync();
        expect(WorstWithin(Inside(apart.alone, 6), apart.lit, apart.unlit))
            .withContext("the face before it")
            .toBeLessThan(60);
        ExpectColor(apart.lit, Middle, avatarColor, 3, "the face before it");
        expect(Bluer(apart.unlit, apart.lit)).toBeGreaterThan(50);

        async function behindAsync(): Promise<Record<"alone" | "unlit" | "lit", Uint8ClampedArray>> {
            other.setEnabled(false);
            const alone = await ShootAsync(stage, 2);
            other.setEnabled(true);
            layer.isEnabled = false;
            const unlit = await ShootAsync(stage, 2);
            layer.isEnabled = true;
            return { alone, unlit, lit: await ShootAsync(stage, 3) };
        }
        const kept = other;
        kept.dispose();
        await ShootAsync(stage, 2);
        layer.dispose();
    });

    it("highlight a mesh that a head stands before, without touching the face", async () => {
        const { scene } = stage;
        const before = await ShootAsync(stage);
        AddBox(scene, "behind", new Color3(0, 0.5, 0), 0.35, new Vector3(0, 0, -0.3));
        const unlit = await ShootAsync(stage, 2);
        const layer = new HighlightLayer("highlight", scene, { mainTextureRatio: 1 });
        layer.addMesh(scene.getMeshByName("behind") as never, blue);
        const lit = await ShootAsync(stage, 5);
        ExpectColor(lit, Middle, avatarColor, 2);
        expect(WorstWithin(Inside(before, 12), lit, unlit)).toBeLessThan(40);
        expect(Bluer(unlit, lit)).toBeGreaterThan(200);
        layer.addExcludedMesh(stage.avatar.splatMesh);
        ExpectColor(await ShootAsync(stage, 3), Middle, avatarColor, 2, "excluded");
        layer.dispose();
    });

    it("let no lamp behind a head, or behind two, glow through a face", async () => {
        const { scene, avatar } = stage;
        const before = await ShootAsync(stage);
        const lamp = AddBox(scene, "lamp", new Color3(0, 0, 1), 0.06, new Vector3(0, 0, -0.2));
        const layer = new GlowLayer("glow", scene, { mainTextureRatio: 1, blurKernelSize: 16 });
        layer.intensity = 2;
        const hidden = await ShootAsync(stage, 6);
        expect(WorstWithin(Inside(before), hidden, before))
            .withContext("one head")
            .toBeLessThan(2);
        lamp.position.set(0.16, 0, 0);
        const beside = await ShootAsync(stage, 3);
        expect(Bluer(before, beside)).withContext("beside it").toBeGreaterThan(400);
        lamp.position.set(0, 0, -0.2);
        const others: FlexAvatar[] = [];
        for (const x of [-0.05, 0.05]) {
            others.push(await AddAvatarAsync(stage, synthetic));
            others.at(-1)!.position.set(x, 0, 0.05);
        }
        const three = await ShootAsync(stage, 3);
        layer.isEnabled = false;
        ExpectAlike(three, await ShootAsync(stage, 2), 3, 0.01, "three heads");
        layer.isEnabled = true;
        others.forEach((other) => other.dispose());
        avatar.setEnabled(false);
        expect(Bluer(before, await ShootAsync(stage, 3)))
            .withContext("without heads")
            .toBeGreaterThan(400);
        avatar.setEnabled(true);
        layer.dispose();
    });

    it("let a head glow in a color that the layer is given for its mesh", async () => {
        const { scene, avatar } = stage;
        const before = await ShootAsync(stage);
        const layer = new GlowLayer("glow", scene, { mainTextureRatio: 1, blurKernelSize: 16 });
        layer.customEmissiveColorSelector = (mesh, _subMesh, _material, result) =>
            void (mesh === avatar.splatMesh ? result.set(0, 0, 1, 1) : result.set(0, 0, 0, 1));
        expect(Bluer(before, await ShootAsync(stage, 6))).toBeGreaterThan(1000);
        layer.dispose();
        ExpectAlike(await ShootAsync(stage, 2), before, 0);
    });

    it("outline a selection: of the splats, and of a proxy mesh", async () => {
        const { scene, avatar, camera } = stage;
        const before = await ShootAsync(stage);
        const layer = new SelectionOutlineLayer("selection", scene);
        layer.outlineColor = blue;
        try {
            layer.addSelection(avatar.splatMesh);
            const selected = await ShootAsync(stage, 8);
            expect(WorstWithin(Inside(before, 4), selected, before)).toBe(0);
            expect(Bluer(before, selected)).withContext("splats").toBeGreaterThan(100);
            layer.clearSelection();
            layer.addSelection(avatar.proxyMesh);
            layer.occlusionStrength = 0; // the splats lie before the proxy's surface
            expect(Bluer(before, await ShootAsync(stage, 8)))
                .withContext("proxy")
                .toBeGreaterThan(50);
            layer.clearSelection();
            ExpectAlike(await ShootAsync(stage, 3), before, 0);
        } finally {
            layer.dispose();
            scene.disableDepthRenderer(camera);
        }
    });

    it("survive a new size of the canvas and the avatars' end", async () => {
        const { scene, engine, avatar } = stage;
        const before = await ShootAsync(stage);
        const glow = new GlowLayer("glow", scene);
        const highlight = new HighlightLayer("highlight", scene);
        highlight.addMesh(avatar.proxyMesh, blue);
        await ShootAsync(stage, 4);
        engine.setSize(160, 96);
        await ShootAsync(stage, 4);
        engine.setSize(CanvasPx, CanvasPx);
        const back = await ShootAsync(stage, 4);
        expect(Bluer(before, back)).toBeGreaterThan(100);
        const other = await AddAvatarAsync(stage, synthetic, { name: "other" });
        other.renderingGroupId = 1;
        highlight.addMesh(other.proxyMesh, blue);
        await ShootAsync(stage, 2);
        other.dispose();
        expect(Compare(await ShootAsync(stage, 3), back, 8).different).toBeLessThan(30);
        highlight.dispose();
        glow.dispose();
    });
});
