/**
 * First light: photos become an avatar that plays a clip beside a mesh character. This file is the whole use of the
 * library; `stage.ts` is the scene around it, `panel.ts` the controls, `demo.ts` what scripts use (`?demo`).
 */
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { FlexAvatarComponent, FlexAvatarError, type FlexAvatar, type IRefineProgress } from "babylon-flexavatar";
import { Panel } from "./panel";
import { AssetsUrl, ComponentUrls, RunScene } from "../shared";
import { CreateStageAsync, HeadCenter, type IStage } from "./stage";

const parameters = new URLSearchParams(location.search);
const portraitUrl = `${AssetsUrl}astronaut.png`;

class FirstLight {
    private readonly _component: FlexAvatarComponent;
    private readonly _clip: AnimationGroup;
    private readonly _panel: Panel;
    private _avatar: FlexAvatar | null = null;
    private _playing: AnimationGroup | null = null;
    private _abort: AbortController | null = null;

    public constructor(stage: IStage, component: FlexAvatarComponent, clip: AnimationGroup) {
        this._component = component;
        this._clip = clip;
        this._panel = new Panel({
            create: (photos) => void this._createAsync(photos.length > 0 ? photos : [portraitUrl]),
            cancel: () => this._abort?.abort(),
            togglePlaying: () => (this._playing?.isPlaying ? this._playing.pause() : this._playing?.play(true)),
            seek: (position) => this._seek(position),
            setTrack: (name, influence) => {
                this._playing?.pause();
                this._avatar!.expression.getTrack(name).influence = influence;
            },
            neutral: () => this._resetPose(),
            save: () => void this._saveAsync(),
            open: (file) => void this._openAsync(file),
        });
        this._panel.setAvatar(null);
        window.addEventListener("keydown", ({ key, target }) => {
            if (key.toLowerCase() === "d" && !(target instanceof HTMLInputElement) && this._avatar) {
                this._avatar.detailStrength = 1 - this._avatar.detailStrength;
            }
        });
        component.onNoticeObservable.add(({ message }) => this._panel.showStatus(message));
        stage.scene.onAfterRenderObservable.add(() => this._followClip());
        RunScene(stage.scene);
        void this._createAsync([portraitUrl]);
    }

    /** Photos to avatar. A new call stops the running one. */
    private async _createAsync(photos: readonly (File | string)[]): Promise<void> {
        await this._workAsync(async (signal) => {
            const start = performance.now();
            const avatar = await this._component.createFromPhotosAsync(photos, {
                signal,
                onProgress: ({ stage, fraction }) => this._panel.showStage(stage, fraction),
            });
            this._show(avatar);
            avatar.onRefineProgressObservable.add((progress) => this._showRefining(progress));
            const seconds = ((performance.now() - start) / 1000).toFixed(1);
            this._panel.say(
                `${avatar.gaussianCount.toLocaleString("en")} Gaussians from ${photos.length} ${photos.length === 1 ? "photo" : "photos"} in ${seconds} s`,
                true,
            );
        });
    }

    private async _openAsync(file: File): Promise<void> {
        await this._workAsync(async (signal) =>
            this._show(await this._component.loadAsync(await file.arrayBuffer(), { signal })),
        );
    }

    private async _saveAsync(): Promise<void> {
        const file = new Blob([await this._avatar!.saveAsync()]);
        const link = Object.assign(document.createElement("a"), {
            href: URL.createObjectURL(file),
            download: "avatar.flexavatar",
        });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    /** Runs one job at a time; its errors are shown with their advice. */
    private async _workAsync(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
        this._abort?.abort();
        const abort = (this._abort = new AbortController());
        this._panel.setBusy(true);
        try {
            await job(abort.signal);
        } catch (error) {
            if (error instanceof FlexAvatarError) {
                if (error.code !== "aborted") {
                    this._panel.say(`${error.message}\n${error.advice}`);
                }
            } else {
                this._panel.say(String(error));
                throw error;
            }
        } finally {
            if (this._abort === abort) {
                this._abort = null;
                this._panel.setBusy(false);
            }
        }
    }

    private _show(avatar: FlexAvatar): void {
        this._playing?.dispose();
        this._avatar?.dispose();
        this._avatar = avatar;
        avatar.position.copyFrom(HeadCenter);
        this._playing = avatar.bindAnimationGroup(this._clip);
        this._playing.start(true);
        const { expression } = avatar;
        this._panel.setAvatar(
            Array.from({ length: expression.numTargets }, (_, index) => expression.getTarget(index).name),
        );
    }

    /** The avatar gets sharper in the background; D shows it without and with the photo's own detail. */
    private _showRefining({ stage, fraction, secondsLeft }: IRefineProgress): void {
        const left = secondsLeft === undefined ? "" : `, ${Math.ceil(secondsLeft)} s left`;
        this._panel.showStatus(
            fraction < 1
                ? `${stage[0].toUpperCase()}${stage.slice(1)}: ${Math.round(100 * fraction)} %${left}`
                : "Sharpened with the photo's own detail. Press D for before and after.",
        );
    }

    private _followClip(): void {
        const group = this._playing;
        if (group && this._avatar) {
            const frame = group.animatables[0]?.masterFrame ?? group.from;
            const { expression } = this._avatar;
            this._panel.follow(
                (frame - group.from) / (group.to - group.from),
                group.isPlaying,
                (name) => expression.getTrack(name).influence,
            );
        }
    }

    private _seek(position: number): void {
        this._playing?.pause();
        this._playing?.goToFrame(this._playing.from + position * (this._playing.to - this._playing.from));
    }

    private _resetPose(): void {
        this._playing?.pause();
        this._avatar!.resetPose();
    }
}

async function startAsync(): Promise<void> {
    const stage = await CreateStageAsync(document.getElementById("view") as HTMLCanvasElement);
    const component = FlexAvatarComponent.GetOrCreate(stage.scene, {
        ...ComponentUrls,
        modelsUrl: parameters.get("models") ?? undefined,
    });
    const container = await LoadAssetContainerAsync(`${AssetsUrl}phrase.glb`, stage.scene);
    const clip = container.animationGroups[0];
    clip.stop();
    if (parameters.has("demo")) {
        const { FlexDemo } = await import("./demo");
        window.flexDemo = new FlexDemo(stage, component, clip);
    } else {
        new FirstLight(stage, component, clip);
    }
}

startAsync().catch((error: unknown) => {
    const message = document.getElementById("message") as HTMLElement;
    message.hidden = false;
    message.textContent =
        error instanceof FlexAvatarError
            ? `${error.message}\n${error.advice}`
            : `The page could not start. ${String(error)}`;
    throw error;
});
