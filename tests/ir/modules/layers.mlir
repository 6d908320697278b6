"builtin.module"() <{sym_name = "jit_layers"}> ({
  "func.func"() <{function_type = (tensor<512x64xbf16>, tensor<4x64xbf16>, tensor<4x256x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x256xbf16>, tensor<4x64x64xbf16>, tensor<8x128xi32>) -> tensor<8x64xbf16>, res_attrs = [{jax.result_info = "result"}], sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg26: tensor<512x64xbf16>, %arg27: tensor<4x64xbf16>, %arg28: tensor<4x256x64xbf16>, %arg29: tensor<4x64x64xbf16>, %arg30: tensor<4x64xbf16>, %arg31: tensor<4x64x64xbf16>, %arg32: tensor<4x64x64xbf16>, %arg33: tensor<4x64x256xbf16>, %arg34: tensor<4x64x64xbf16>, %arg35: tensor<8x128xi32>):
    %84 = "stablehlo.constant"() <{value = dense<1.280000e+02> : tensor<f32>}> : () -> tensor<f32>
    %85 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %86 = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
    %87 = "stablehlo.constant"() <{value = dense<4> : tensor<i32>}> : () -> tensor<i32>
    %88 = "stablehlo.constant"() <{value = dense<512> : tensor<i32>}> : () -> tensor<i32>
    %89 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %90 = "stablehlo.broadcast_in_dim"(%89) <{broadcast_dimensions = array<i64>}> : (tensor<i32>) -> tensor<8x128xi32>
    %91 = "stablehlo.compare"(%arg35, %90) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<8x128xi32>, tensor<8x128xi32>) -> tensor<8x128xi1>
    %92 = "stablehlo.broadcast_in_dim"(%88) <{broadcast_dimensions = array<i64>}> : (tensor<i32>) -> tensor<8x128xi32>
    %93 = "stablehlo.add"(%arg35, %92) : (tensor<8x128xi32>, tensor<8x128xi32>) -> tensor<8x128xi32>
    %94 = "stablehlo.select"(%91, %93, %arg35) : (tensor<8x128xi1>, tensor<8x128xi32>, tensor<8x128xi32>) -> tensor<8x128xi32>
    %95 = "stablehlo.broadcast_in_dim"(%94) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<8x128xi32>) -> tensor<8x128x1xi32>
    %96 = "stablehlo.gather"(%arg26, %95) <{dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 64>}> : (tensor<512x64xbf16>, tensor<8x128x1xi32>) -> tensor<8x128x64xbf16>
    %97:10 = "stablehlo.while"(%arg27, %arg28, %arg29, %arg30, %arg31, %arg32, %arg33, %arg34, %89, %96) ({
    ^bb0(%arg48: tensor<4x64xbf16>, %arg49: tensor<4x256x64xbf16>, %arg50: tensor<4x64x64xbf16>, %arg51: tensor<4x64xbf16>, %arg52: tensor<4x64x64xbf16>, %arg53: tensor<4x64x64xbf16>, %arg54: tensor<4x64x256xbf16>, %arg55: tensor<4x64x64xbf16>, %arg56: tensor<i32>, %arg57: tensor<8x128x64xbf16>):
      %114 = "stablehlo.compare"(%arg56, %87) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
      "stablehlo.return"(%114) : (tensor<i1>) -> ()
    }, {
    ^bb0(%arg38: tensor<4x64xbf16>, %arg39: tensor<4x256x64xbf16>, %arg40: tensor<4x64x64xbf16>, %arg41: tensor<4x64xbf16>, %arg42: tensor<4x64x64xbf16>, %arg43: tensor<4x64x64xbf16>, %arg44: tensor<4x64x256xbf16>, %arg45: tensor<4x64x64xbf16>, %arg46: tensor<i32>, %arg47: tensor<8x128x64xbf16>):
      %104 = "func.call"(%arg38, %arg46) <{callee = @dynamic_index_in_dim}> : (tensor<4x64xbf16>, tensor<i32>) -> tensor<64xbf16>
      %105 = "func.call"(%arg39, %arg46) <{callee = @dynamic_index_in_dim_0}> : (tensor<4x256x64xbf16>, tensor<i32>) -> tensor<256x64xbf16>
      %106 = "func.call"(%arg40, %arg46) <{callee = @dynamic_index_in_dim_1}> : (tensor<4x64x64xbf16>, tensor<i32>) -> tensor<64x64xbf16>
      %107 = "func.call"(%arg41, %arg46) <{callee = @dynamic_index_in_dim}> : (tensor<4x64xbf16>, tensor<i32>) -> tensor<64xbf16>
      %108 = "func.call"(%arg42, %arg46) <{callee = @dynamic_index_in_dim_1}> : (tensor<4x64x64xbf16>, tensor<i32>) -> tensor<64x64xbf16>
      %109 = "func.call"(%arg43, %arg46) <{callee = @dynamic_index_in_dim_1}> : (tensor<4x64x64xbf16>, tensor<i32>) -> tensor<64x64xbf16>
      %110 = "func.call"(%arg44, %arg46) <{callee = @dynamic_index_in_dim_2}> : (tensor<4x64x256xbf16>, tensor<i32>) -> tensor<64x256xbf16>
      %111 = "func.call"(%arg45, %arg46) <{callee = @dynamic_index_in_dim_1}> : (tensor<4x64x64xbf16>, tensor<i32>) -> tensor<64x64xbf16>
      %112 = "func.call"(%arg47, %104, %105, %106, %107, %108, %109, %110, %111) <{callee = @closed_call}> : (tensor<8x128x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<64xbf16>, tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x256xbf16>, tensor<64x64xbf16>) -> tensor<8x128x64xbf16>
      %113 = "stablehlo.add"(%arg46, %86) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%arg38, %arg39, %arg40, %arg41, %arg42, %arg43, %arg44, %arg45, %113, %112) : (tensor<4x64xbf16>, tensor<4x256x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x256xbf16>, tensor<4x64x64xbf16>, tensor<i32>, tensor<8x128x64xbf16>) -> ()
    }) : (tensor<4x64xbf16>, tensor<4x256x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x256xbf16>, tensor<4x64x64xbf16>, tensor<i32>, tensor<8x128x64xbf16>) -> (tensor<4x64xbf16>, tensor<4x256x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x64xbf16>, tensor<4x64x256xbf16>, tensor<4x64x64xbf16>, tensor<i32>, tensor<8x128x64xbf16>)
    %98 = "stablehlo.convert"(%97#9) : (tensor<8x128x64xbf16>) -> tensor<8x128x64xf32>
    %99 = "stablehlo.reduce"(%98, %85) <{dimensions = array<i64: 1>}> ({
    ^bb0(%arg36: tensor<f32>, %arg37: tensor<f32>):
      %103 = "stablehlo.add"(%arg36, %arg37) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%103) : (tensor<f32>) -> ()
    }) : (tensor<8x128x64xf32>, tensor<f32>) -> tensor<8x64xf32>
    %100 = "stablehlo.broadcast_in_dim"(%84) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x64xf32>
    %101 = "stablehlo.divide"(%99, %100) : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32>
    %102 = "stablehlo.convert"(%101) : (tensor<8x64xf32>) -> tensor<8x64xbf16>
    "func.return"(%102) : (tensor<8x64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<4x64xbf16>, tensor<i32>) -> tensor<64xbf16>, sym_name = "dynamic_index_in_dim", sym_visibility = "private"}> ({
  ^bb0(%arg24: tensor<4x64xbf16>, %arg25: tensor<i32>):
    %81 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %82 = "stablehlo.dynamic_slice"(%arg24, %arg25, %81) <{slice_sizes = array<i64: 1, 64>}> : (tensor<4x64xbf16>, tensor<i32>, tensor<i32>) -> tensor<1x64xbf16>
    %83 = "stablehlo.reshape"(%82) : (tensor<1x64xbf16>) -> tensor<64xbf16>
    "func.return"(%83) : (tensor<64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<4x256x64xbf16>, tensor<i32>) -> tensor<256x64xbf16>, sym_name = "dynamic_index_in_dim_0", sym_visibility = "private"}> ({
  ^bb0(%arg22: tensor<4x256x64xbf16>, %arg23: tensor<i32>):
    %78 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %79 = "stablehlo.dynamic_slice"(%arg22, %arg23, %78, %78) <{slice_sizes = array<i64: 1, 256, 64>}> : (tensor<4x256x64xbf16>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x256x64xbf16>
    %80 = "stablehlo.reshape"(%79) : (tensor<1x256x64xbf16>) -> tensor<256x64xbf16>
    "func.return"(%80) : (tensor<256x64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<4x64x64xbf16>, tensor<i32>) -> tensor<64x64xbf16>, sym_name = "dynamic_index_in_dim_1", sym_visibility = "private"}> ({
  ^bb0(%arg20: tensor<4x64x64xbf16>, %arg21: tensor<i32>):
    %75 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %76 = "stablehlo.dynamic_slice"(%arg20, %arg21, %75, %75) <{slice_sizes = array<i64: 1, 64, 64>}> : (tensor<4x64x64xbf16>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x64x64xbf16>
    %77 = "stablehlo.reshape"(%76) : (tensor<1x64x64xbf16>) -> tensor<64x64xbf16>
    "func.return"(%77) : (tensor<64x64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<4x64x256xbf16>, tensor<i32>) -> tensor<64x256xbf16>, sym_name = "dynamic_index_in_dim_2", sym_visibility = "private"}> ({
  ^bb0(%arg18: tensor<4x64x256xbf16>, %arg19: tensor<i32>):
    %72 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %73 = "stablehlo.dynamic_slice"(%arg18, %arg19, %72, %72) <{slice_sizes = array<i64: 1, 64, 256>}> : (tensor<4x64x256xbf16>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<1x64x256xbf16>
    %74 = "stablehlo.reshape"(%73) : (tensor<1x64x256xbf16>) -> tensor<64x256xbf16>
    "func.return"(%74) : (tensor<64x256xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<8x128x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<64xbf16>, tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x256xbf16>, tensor<64x64xbf16>) -> tensor<8x128x64xbf16>, sym_name = "closed_call", sym_visibility = "private"}> ({
  ^bb0(%arg1: tensor<8x128x64xbf16>, %arg2: tensor<64xbf16>, %arg3: tensor<256x64xbf16>, %arg4: tensor<64x64xbf16>, %arg5: tensor<64xbf16>, %arg6: tensor<64x64xbf16>, %arg7: tensor<64x64xbf16>, %arg8: tensor<64x256xbf16>, %arg9: tensor<64x64xbf16>):
    %3 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %4 = "stablehlo.constant"() <{value = dense<2.500000e-01> : tensor<f32>}> : () -> tensor<f32>
    %5 = "stablehlo.constant"() <{value = dense<9.99999997E-7> : tensor<f32>}> : () -> tensor<f32>
    %6 = "stablehlo.constant"() <{value = dense<6.400000e+01> : tensor<f32>}> : () -> tensor<f32>
    %7 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %8 = "stablehlo.convert"(%arg1) : (tensor<8x128x64xbf16>) -> tensor<8x128x64xf32>
    %9 = "stablehlo.multiply"(%8, %8) : (tensor<8x128x64xf32>, tensor<8x128x64xf32>) -> tensor<8x128x64xf32>
    %10 = "stablehlo.reduce"(%9, %7) <{dimensions = array<i64: 2>}> ({
    ^bb0(%arg16: tensor<f32>, %arg17: tensor<f32>):
      %71 = "stablehlo.add"(%arg16, %arg17) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%71) : (tensor<f32>) -> ()
    }) : (tensor<8x128x64xf32>, tensor<f32>) -> tensor<8x128xf32>
    %11 = "stablehlo.broadcast_in_dim"(%10) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<8x128xf32>) -> tensor<8x128x1xf32>
    %12 = "stablehlo.broadcast_in_dim"(%6) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x128x1xf32>
    %13 = "stablehlo.divide"(%11, %12) : (tensor<8x128x1xf32>, tensor<8x128x1xf32>) -> tensor<8x128x1xf32>
    %14 = "stablehlo.broadcast_in_dim"(%5) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x128x1xf32>
    %15 = "stablehlo.add"(%13, %14) : (tensor<8x128x1xf32>, tensor<8x128x1xf32>) -> tensor<8x128x1xf32>
    %16 = "stablehlo.rsqrt"(%15) : (tensor<8x128x1xf32>) -> tensor<8x128x1xf32>
    %17 = "stablehlo.broadcast_in_dim"(%16) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<8x128x1xf32>) -> tensor<8x128x64xf32>
    %18 = "stablehlo.multiply"(%8, %17) : (tensor<8x128x64xf32>, tensor<8x128x64xf32>) -> tensor<8x128x64xf32>
    %19 = "stablehlo.convert"(%18) : (tensor<8x128x64xf32>) -> tensor<8x128x64xbf16>
    %20 = "stablehlo.broadcast_in_dim"(%arg2) <{broadcast_dimensions = array<i64: 2>}> : (tensor<64xbf16>) -> tensor<1x1x64xbf16>
    %21 = "stablehlo.broadcast_in_dim"(%20) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x1x64xbf16>) -> tensor<8x128x64xbf16>
    %22 = "stablehlo.multiply"(%19, %21) : (tensor<8x128x64xbf16>, tensor<8x128x64xbf16>) -> tensor<8x128x64xbf16>
    %23 = "stablehlo.dot_general"(%22, %arg7) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<8x128x64xbf16>, tensor<64x64xbf16>) -> tensor<8x128x64xbf16>
    %24 = "stablehlo.reshape"(%23) : (tensor<8x128x64xbf16>) -> tensor<8x128x4x16xbf16>
    %25 = "stablehlo.dot_general"(%22, %arg4) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<8x128x64xbf16>, tensor<64x64xbf16>) -> tensor<8x128x64xbf16>
    %26 = "stablehlo.reshape"(%25) : (tensor<8x128x64xbf16>) -> tensor<8x128x4x16xbf16>
    %27 = "stablehlo.dot_general"(%22, %arg9) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<8x128x64xbf16>, tensor<64x64xbf16>) -> tensor<8x128x64xbf16>
    %28 = "stablehlo.reshape"(%27) : (tensor<8x128x64xbf16>) -> tensor<8x128x4x16xbf16>
    %29 = "stablehlo.dot_general"(%24, %26) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [3]>}> : (tensor<8x128x4x16xbf16>, tensor<8x128x4x16xbf16>) -> tensor<8x4x128x128xf32>
    %30 = "stablehlo.broadcast_in_dim"(%4) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x4x128x128xf32>
    %31 = "stablehlo.multiply"(%29, %30) : (tensor<8x4x128x128xf32>, tensor<8x4x128x128xf32>) -> tensor<8x4x128x128xf32>
    %32 = "stablehlo.reduce"(%31, %3) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg14: tensor<f32>, %arg15: tensor<f32>):
      %70 = "stablehlo.maximum"(%arg14, %arg15) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%70) : (tensor<f32>) -> ()
    }) : (tensor<8x4x128x128xf32>, tensor<f32>) -> tensor<8x4x128xf32>
    %33 = "stablehlo.broadcast_in_dim"(%3) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x4x128xf32>
    %34 = "stablehlo.maximum"(%33, %32) : (tensor<8x4x128xf32>, tensor<8x4x128xf32>) -> tensor<8x4x128xf32>
    %35 = "stablehlo.broadcast_in_dim"(%34) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<8x4x128xf32>) -> tensor<8x4x128x1xf32>
    %36 = "stablehlo.broadcast_in_dim"(%35) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<8x4x128x1xf32>) -> tensor<8x4x128x128xf32>
    %37 = "stablehlo.subtract"(%31, %36) : (tensor<8x4x128x128xf32>, tensor<8x4x128x128xf32>) -> tensor<8x4x128x128xf32>
    %38 = "stablehlo.exponential"(%37) : (tensor<8x4x128x128xf32>) -> tensor<8x4x128x128xf32>
    %39 = "stablehlo.reduce"(%38, %7) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg12: tensor<f32>, %arg13: tensor<f32>):
      %69 = "stablehlo.add"(%arg12, %arg13) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%69) : (tensor<f32>) -> ()
    }) : (tensor<8x4x128x128xf32>, tensor<f32>) -> tensor<8x4x128xf32>
    %40 = "stablehlo.broadcast_in_dim"(%39) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<8x4x128xf32>) -> tensor<8x4x128x1xf32>
    %41 = "stablehlo.broadcast_in_dim"(%40) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<8x4x128x1xf32>) -> tensor<8x4x128x128xf32>
    %42 = "stablehlo.divide"(%38, %41) : (tensor<8x4x128x128xf32>, tensor<8x4x128x128xf32>) -> tensor<8x4x128x128xf32>
    %43 = "stablehlo.convert"(%42) : (tensor<8x4x128x128xf32>) -> tensor<8x4x128x128xbf16>
    %44 = "stablehlo.dot_general"(%28, %43) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [3]>}> : (tensor<8x128x4x16xbf16>, tensor<8x4x128x128xbf16>) -> tensor<8x4x16x128xbf16>
    %45 = "stablehlo.transpose"(%44) <{permutation = array<i64: 0, 3, 1, 2>}> : (tensor<8x4x16x128xbf16>) -> tensor<8x128x4x16xbf16>
    %46 = "stablehlo.reshape"(%45) : (tensor<8x128x4x16xbf16>) -> tensor<8x128x64xbf16>
    %47 = "stablehlo.dot_general"(%46, %arg6) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<8x128x64xbf16>, tensor<64x64xbf16>) -> tensor<8x128x64xbf16>
    %48 = "stablehlo.add"(%arg1, %47) : (tensor<8x128x64xbf16>, tensor<8x128x64xbf16>) -> tensor<8x128x64xbf16>
    %49 = "stablehlo.convert"(%48) : (tensor<8x128x64xbf16>) -> tensor<8x128x64xf32>
    %50 = "stablehlo.multiply"(%49, %49) : (tensor<8x128x64xf32>, tensor<8x128x64xf32>) -> tensor<8x128x64xf32>
    %51 = "stablehlo.reduce"(%50, %7) <{dimensions = array<i64: 2>}> ({
    ^bb0(%arg10: tensor<f32>, %arg11: tensor<f32>):
      %68 = "stablehlo.add"(%arg10, %arg11) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%68) : (tensor<f32>) -> ()
    }) : (tensor<8x128x64xf32>, tensor<f32>) -> tensor<8x128xf32>
    %52 = "stablehlo.broadcast_in_dim"(%51) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<8x128xf32>) -> tensor<8x128x1xf32>
    %53 = "stablehlo.broadcast_in_dim"(%6) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x128x1xf32>
    %54 = "stablehlo.divide"(%52, %53) : (tensor<8x128x1xf32>, tensor<8x128x1xf32>) -> tensor<8x128x1xf32>
    %55 = "stablehlo.broadcast_in_dim"(%5) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<8x128x1xf32>
    %56 = "stablehlo.add"(%54, %55) : (tensor<8x128x1xf32>, tensor<8x128x1xf32>) -> tensor<8x128x1xf32>
    %57 = "stablehlo.rsqrt"(%56) : (tensor<8x128x1xf32>) -> tensor<8x128x1xf32>
    %58 = "stablehlo.broadcast_in_dim"(%57) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<8x128x1xf32>) -> tensor<8x128x64xf32>
    %59 = "stablehlo.multiply"(%49, %58) : (tensor<8x128x64xf32>, tensor<8x128x64xf32>) -> tensor<8x128x64xf32>
    %60 = "stablehlo.convert"(%59) : (tensor<8x128x64xf32>) -> tensor<8x128x64xbf16>
    %61 = "stablehlo.broadcast_in_dim"(%arg5) <{broadcast_dimensions = array<i64: 2>}> : (tensor<64xbf16>) -> tensor<1x1x64xbf16>
    %62 = "stablehlo.broadcast_in_dim"(%61) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x1x64xbf16>) -> tensor<8x128x64xbf16>
    %63 = "stablehlo.multiply"(%60, %62) : (tensor<8x128x64xbf16>, tensor<8x128x64xbf16>) -> tensor<8x128x64xbf16>
    %64 = "stablehlo.dot_general"(%63, %arg8) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<8x128x64xbf16>, tensor<64x256xbf16>) -> tensor<8x128x256xbf16>
    %65 = "func.call"(%64) <{callee = @relu}> : (tensor<8x128x256xbf16>) -> tensor<8x128x256xbf16>
    %66 = "stablehlo.dot_general"(%65, %arg3) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<8x128x256xbf16>, tensor<256x64xbf16>) -> tensor<8x128x64xbf16>
    %67 = "stablehlo.add"(%48, %66) : (tensor<8x128x64xbf16>, tensor<8x128x64xbf16>) -> tensor<8x128x64xbf16>
    "func.return"(%67) : (tensor<8x128x64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<8x128x256xbf16>) -> tensor<8x128x256xbf16>, sym_name = "relu", sym_visibility = "private"}> ({
  ^bb0(%arg0: tensor<8x128x256xbf16>):
    %0 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<bf16>}> : () -> tensor<bf16>
    %1 = "stablehlo.broadcast_in_dim"(%0) <{broadcast_dimensions = array<i64>}> : (tensor<bf16>) -> tensor<8x128x256xbf16>
    %2 = "stablehlo.maximum"(%arg0, %1) : (tensor<8x128x256xbf16>, tensor<8x128x256xbf16>) -> tensor<8x128x256xbf16>
    "func.return"(%2) : (tensor<8x128x256xbf16>) -> ()
  }) : () -> ()
}) {jax.uses_shape_polymorphism = false, mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} : () -> ()

