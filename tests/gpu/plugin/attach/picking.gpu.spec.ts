// Rays, GPU pickers and nodes on the skin, in a real scene.
import "@babylonjs/core/Culling/ray";
import { GPUPicker } from "@babylonjs/core/Collisions/gpuPicker";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Matrix, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateExpressionPose } from "../../../../src/flame/expression";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { ActivateGaussian } from "../../../../src/runtime/reference/activate";
import { PoseVerticesReference } from "../../../../src/runtime/reference/poseVertices";
import {
    AddAvatarAsync,
    AddBox,
    CanvasPx,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    RenderFrame,
    type ISynthetic,
    type IStage,
} from "../../../support/stage";

/** Meters that this person's skin stands off the template, along z. */
const Nose = 0.02;

/** A person whose skin is the template moved forward. */
function MakePerson(): ISynthetic {
    const synthetic = MakeSynthetic();
    const texels = synthetic.table.mapSize ** 2;
    synthetic.staticMap.fill(0, 0, 2 * texels);
    synthetic.staticMap.fill(Nose, 2 * texels, 3 * texels);
    synthetic.staticMap.fill(4, 3 * texels, 4 * texels);
    return synthetic;
}

/** Mean of a Gaussian in the world, as the reference has it. */
function MeanInWorld(
    avatar: FlexAvatar,
    synthetic: ISynthetic,
    g: number,
    jaw: number,
    turn: number,
    expression: number,
): Vector3 {
    const pose = CreateExpressionPose(synthetic.model);
    pose.expression[2] = expression;
    pose.pose[4] = avatar.getScene().useRightHandedSystem ? turn : -turn; // neck about y, in canonical axes
    pose.pose[6] = jaw; // jaw about x
    const { mean } = ActivateGaussian({ ...synthetic, ...PoseVerticesReference(synthetic.model, pose), deltas: [] }, g);
    return Vector3.TransformCoordinates(
        Vector3.FromArray(mean as number[]),
        avatar._internals.posedNode.computeWorldMatrix(true),
    );
}

describe("the skin of an avatar", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    it("answers a ray with point, normal, region and atlas coordinates, and follows expression and node", async () => {
        stage = await CreateStageAsync();
        const synthetic = MakePerson();
        const avatar = await AddAvatarAsync(stage, synthetic);
        RenderFrame(stage);
        expect(avatar.proxyMesh.getTotalVertices()).toBe(0); // nothing is made before it is needed
        const hit = stage.scene.pick(CanvasPx / 2, CanvasPx / 2);
        expect(hit.pickedMesh).toBe(avatar.proxyMesh);
        const tip = 0.09 + Nose;
        expect(Math.abs(hit.pickedPoint!.z - tip)).toBeLessThan(0.005);
        expect(hit.getNormal(true)!.z).toBeGreaterThan(0.9);
        expect(hit.getNormal(true, false)!.z).toBeGreaterThan(0.85);
        const region = avatar.regionOf(hit)!;
        expect(region.region).toBe("face");
        const uv = hit.getTextureCoordinates()!;
        expect(Math.hypot(uv.x - region.uv.u, uv.y - region.uv.v)).toBeLessThan(1e-5);
        // A node attached there is there.
        const node = avatar.attachToSurface(region.uv, { axes: "surface" });
        node.computeWorldMatrix(true);
        expect(Vector3.Distance(node.getAbsolutePosition(), hit.pickedPoint!)).toBeLessThan(0.0005);
        expect(Vector3.Dot(node.forward, hit.getNormal(true)!)).toBeGreaterThan(0.999);
        // The other side of the head is another region.
        const beside = stage.scene.pick(CanvasPx / 2 + 22, CanvasPx / 2);
        const other = stage.scene.pick(CanvasPx / 2 - 22, CanvasPx / 2);
        expect(new Set([avatar.regionOf(beside)!.region, avatar.regionOf(other)!.region])).toEqual(
            new Set(["face", "scalp"]),
        );
        expect(avatar.regionOf(stage.scene.pick(1, 1))).toBeNull();
        avatar.neck.rotation.y = 0.6;
        RenderFrame(stage);
        const turned = stage.scene.pick(CanvasPx / 2, CanvasPx / 2);
        expect(avatar.regionOf(turned)!.uv.u).not.toBeCloseTo(region.uv.u, 2);
        avatar.position.x = 1;
        RenderFrame(stage);
        expect(stage.scene.pick(CanvasPx / 2, CanvasPx / 2).hit).toBeFalse();
    });

    /** Babylon answers after some frames, which must not pile up on a slow device. */
    async function RenderUntilAsync<T>(answer: Promise<T>): Promise<T> {
        let isThere = false;
        void answer.then(() => (isThere = true));
        for (let frame = 0; frame < 200 && !isThere; frame++) {
            RenderFrame(stage);
            await (stage.engine._device as GPUDevice).queue.onSubmittedWorkDone();
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return answer;
    }

    it("is found by the GPU picker, in its newest pose", async () => {
        stage = await CreateStageAsync();
        const avatar = await AddAvatarAsync(stage, MakePerson());
        RenderFrame(stage);
        const picker = new GPUPicker();
        picker.setPickingList([avatar.proxyMesh]);
        const pickAsync = (x: number, y: number): ReturnType<GPUPicker["pickAsync"]> =>
            RenderUntilAsync(picker.pickAsync(x, y));
        const middle = CanvasPx / 2;
        expect((await pickAsync(middle, middle))?.mesh).toBe(avatar.proxyMesh);
        expect((await pickAsync(2, 2))?.mesh ?? null).toBeNull();
        avatar.position.x = 0.15; // to the left in this left-handed view from the front
        expect((await pickAsync(middle, middle))?.mesh ?? null).toBeNull();
        const moved = Vector3.Project(
            avatar.position,
            Matrix.IdentityReadOnly,
            stage.scene.getTransformMatrix(),
            stage.camera.viewport.toGlobal(CanvasPx, CanvasPx),
        );
        expect((await pickAsync(Math.round(moved.x), middle))?.mesh).toBe(avatar.proxyMesh);
        // A turned head is narrower on one side. The picker must see that before any ray has posed the mesh.
        avatar.position.x = 0;
        const columnsAt = (turn: number): number[] => {
            avatar.neck.rotation.y = turn;
            RenderFrame(stage);
            return Array.from({ length: CanvasPx }, (_, x) => x).filter((x) => stage.scene.pick(x, middle).hit);
        };
        const turned = columnsAt(1.2);
        const bare = columnsAt(0).filter((x) => [-2, 0, 2].every((step) => !turned.includes(x + step)));
        expect(bare.length).toBeGreaterThan(4);
        avatar.neck.rotation.y = 1.2;
        RenderFrame(stage);
        expect((await pickAsync(bare[bare.length >> 1], middle))?.mesh ?? null).toBeNull();
        expect((await pickAsync(turned[turned.length >> 1], middle))?.mesh).toBe(avatar.proxyMesh);
        picker.dispose();
    });

    it("tells avatars and meshes apart for the GPU picker, and a ray on the picked one then names the region", async () => {
        stage = await CreateStageAsync();
        const ada = await AddAvatarAsync(stage, MakePerson());
        const bob = ada.createInstance("bob");
        ada.position.x = 0.08;
        bob.position.set(-0.05, 0, -0.15); // half behind ada
        const box = AddBox(stage.scene, "box", Color3.Blue(), 0.03, new Vector3(0.08, 0, 0.2));
        RenderFrame(stage);
        const picker = new GPUPicker();
        picker.setPickingList([ada.proxyMesh, bob.proxyMesh, box]);
        const pixelOf = (point: Vector3): [number, number] => {
            const viewport = stage.camera.viewport.toGlobal(CanvasPx, CanvasPx);
            const { x, y } = Vector3.Project(
                point,
                Matrix.IdentityReadOnly,
                stage.scene.getTransformMatrix(),
                viewport,
            );
            return [Math.round(x), Math.round(y)];
        };
        const wanted = [
            [box, new Vector3(0.08, 0, 0.215)],
            [ada.proxyMesh, new Vector3(0.08, 0.06, 0.09)],
            [ada.proxyMesh, new Vector3(0.04, 0, 0.09)],
            [bob.proxyMesh, new Vector3(-0.08, 0, -0.06)],
            [null, new Vector3(0, 0.17, 0)],
        ] as const;
        const places = wanted.map(([, point]) => pixelOf(point));
        const picked = (await RenderUntilAsync(picker.multiPickAsync(places.map(([x, y]) => ({ x, y })))))!.meshes;
        for (const [index, [mesh, point]] of wanted.entries()) {
            expect(picked[index]?.name).withContext(point.toString()).toBe(mesh?.name);
            const hit = stage.scene.pick(...places[index], (other) => other === picked[index]);
            expect(hit.hit).toBe(mesh !== null);
            const avatar = [ada, bob].find(({ proxyMesh }) => proxyMesh === picked[index]);
            if (avatar) {
                expect(["face", "scalp", "neck"]).toContain(avatar.regionOf(hit)!.region);
                expect(Vector3.Distance(hit.pickedPoint!, point)).toBeLessThan(0.04);
            }
        }
        picker.dispose();
    });

    it("is never drawn itself, also after it was picked and cast", async () => {
        stage = await CreateStageAsync();
        stage.scene.clearColor = new Color4(1, 1, 1, 1); // an unlit mesh would be black
        const avatar = await AddAvatarAsync(stage, MakePerson());
        const before = await CaptureAsync(stage);
        avatar.proxyMesh.update();
        expect(avatar.proxyMesh.getTotalVertices()).toBeGreaterThan(200);
        expect((await CaptureAsync(stage)) === before).toBeTrue();
        const active = stage.scene.getActiveMeshes();
        expect(active.data.slice(0, active.length)).toContain(avatar.splatMesh);
        expect(active.data.slice(0, active.length)).not.toContain(avatar.proxyMesh);
        avatar.splatMesh.isVisible = false;
        // drawn later: depth of the proxy would hide it
        AddBox(stage.scene, "behind", Color3.Green(), 0.1, new Vector3(0, 0, -0.3));
        const empty = await CaptureAsync(stage);
        avatar.proxyMesh.layerMask = 0x0fffffff; // even where somebody lists it for a camera
        expect((await CaptureAsync(stage)) === empty).toBeTrue();
        expect(active.data.slice(0, active.length)).toContain(avatar.proxyMesh);
    });

    for (const rightHanded of [false, true]) {
        it(`carries nodes within a millimeter of the reference's Gaussians in a ${rightHanded ? "right" : "left"}-handed scene`, async () => {
            stage = await CreateStageAsync({ rightHanded });
            const synthetic = MakePerson();
            const avatar = await AddAvatarAsync(stage, synthetic);
            avatar.position.set(0.1, -0.2, 0.3);
            avatar.rotation.set(0.2, 0.7, 0.1);
            avatar.scaling.setAll(1.2);
            const { table } = synthetic;
            const nodes = [40, 300, 700, 1200, 1700].map((g) => {
                const [row, column] = [Math.floor(table.texel[g] / table.mapSize), table.texel[g] % table.mapSize];
                const uv = { u: (column + 0.5) / table.mapSize, v: 1 - (row + 0.5) / table.mapSize };
                return { g, node: avatar.attachToSurface(uv, { name: `node${g}` }) };
            });
            let worst = 0;
            let farthest = 0;
            const rest = nodes.map(({ g }) => MeanInWorld(avatar, synthetic, g, 0, 0, 0));
            for (const [jaw, turn, expression] of [
                [0, 0, 0],
                [0.3, 0, 0],
                [0, 0.8, 0],
                [0.2, -0.5, 1],
            ]) {
                avatar.jaw.rotation.x = jaw;
                avatar.neck.rotation.y = turn;
                avatar.expression.getTarget(2).influence = expression;
                RenderFrame(stage);
                nodes.forEach(({ g, node }, i) => {
                    const wanted = MeanInWorld(avatar, synthetic, g, jaw, turn, expression);
                    node.computeWorldMatrix(true);
                    worst = Math.max(worst, Vector3.Distance(wanted, node.getAbsolutePosition()));
                    farthest = Math.max(farthest, Vector3.Distance(wanted, rest[i]));
                });
            }
            expect(farthest).toBeGreaterThan(0.02);
            expect(worst).toBeLessThan(0.001);
            // "head" axes are the avatar's own at rest.
            avatar.jaw.rotation.x = avatar.neck.rotation.y = avatar.expression.getTarget(2).influence = 0;
            RenderFrame(stage);
            expect(nodes[0].node.rotationQuaternion!.w).toBeGreaterThan(0.99999);
            // Nodes go with the avatar, and what hangs on them too.
            nodes[0].node.dispose();
            RenderFrame(stage);
            avatar.dispose();
            expect(nodes.every(({ node }) => node.isDisposed())).toBeTrue();
            expect(stage.scene.transformNodes.length).toBe(0);
        });
    }
});
