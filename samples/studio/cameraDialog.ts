/** Takes a photo with the device's camera. The picture goes nowhere but to whoever asked for it. */

const Reasons: Record<string, string> = {
    NotAllowedError: "The camera was not allowed. Allow it at the page's address, or choose a photo.",
    NotFoundError: "There is no camera on this device. Choose a photo.",
    NotReadableError: "The camera is in use by another program. Close that, or choose a photo.",
};

/**
 * Opens the camera and lets the visitor take a photo.
 * @returns the photo, or null if the dialog was closed without one
 * @throws Error that says what to do if there is no camera to be had
 */
export async function TakePhotoAsync(): Promise<File | null> {
    const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
    const [dialog, video] = [find<HTMLDialogElement>("cameraDialog"), find<HTMLVideoElement>("video")];
    const stream = await OpenCameraAsync();
    try {
        video.srcObject = stream;
        dialog.showModal();
        await video.play();
        return await new Promise<File | null>((resolve) => {
            find("shoot").onclick = () => {
                void GrabAsync(video)
                    .then(resolve)
                    .finally(() => dialog.close());
            };
            find("closeCamera").onclick = () => dialog.close();
            dialog.onclose = () => setTimeout(() => resolve(null)); // by Escape too; a photo that was taken came before
        });
    } finally {
        stream.getTracks().forEach((track) => track.stop());
        video.srcObject = null;
        dialog.close();
    }
}

async function OpenCameraAsync(): Promise<MediaStream> {
    if (!navigator.mediaDevices) {
        throw new Error("Cameras work on secure pages only (HTTPS). Choose a photo.");
    }
    try {
        const video = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } };
        return await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
        throw new Error(Reasons[(error as Error).name] ?? "The camera does not answer. Choose a photo.", {
            cause: error,
        });
    }
}

async function GrabAsync(video: HTMLVideoElement): Promise<File> {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d")!.drawImage(video, 0, 0);
    return new File([await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 })], "camera.jpg", {
        type: "image/jpeg",
    });
}
