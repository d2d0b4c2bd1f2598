# small.sh - a small experiment that the command line tests share: two points, 64 images, two draws. Sourced after lib.sh.
# shellcheck shell=sh
write_small() { # FILE [extra text]
    cat >"$1" <<END
schema = 1;
name = "small";
network = "$exp/networks/fashion_cnn.onnx";
dataset = "fashion-mnist-fallback";
samples = 64;
calibration = { dataset = "fashion-mnist-train"; samples = 32; };
device = "rram";
arch = "rram-22nm";
against = ( "systolic-32x32" );
map = { policy = "uniform"; cell_bits = 2; adc_bits = 8; };
sweep = { axes = ( { key = "map.weight_bits"; values = [ 8, 4 ]; } ); };
trials = 2;
seed = 7;
${2-}
END
}
