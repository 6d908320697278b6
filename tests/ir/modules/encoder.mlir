"builtin.module"() <{sym_name = "jit_encoder"}> ({
  "func.func"() <{function_type = (tensor<512x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<64xbf16>, tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x256xbf16>, tensor<64x64xbf16>, tensor<?x?xi32>) -> tensor<?x64xbf16>, res_attrs = [{jax.result_info = "result"}], sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg25: tensor<512x64xbf16>, %arg26: tensor<64xbf16>, %arg27: tensor<256x64xbf16>, %arg28: tensor<64x64xbf16>, %arg29: tensor<64xbf16>, %arg30: tensor<64x64xbf16>, %arg31: tensor<64x64xbf16>, %arg32: tensor<64x256xbf16>, %arg33: tensor<64x64xbf16>, %arg34: tensor<?x?xi32>):
    %170 = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
    %171 = "stablehlo.get_dimension_size"(%arg34) <{dimension = 0 : i64}> : (tensor<?x?xi32>) -> tensor<i32>
    %172 = "stablehlo.get_dimension_size"(%arg34) <{dimension = 1 : i64}> : (tensor<?x?xi32>) -> tensor<i32>
    %173 = "stablehlo.compare"(%171, %170) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction GE>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
    "stablehlo.custom_call"(%173, %171) <{api_version = 2 : i32, call_target_name = "shape_assertion", has_side_effect = true}> {error_message = "Input shapes do not match the polymorphic shapes specification. Expected value >= 1 for dimension variable 'b'. Using the following polymorphic shapes specifications: args[1].shape = (b, t). Obtained dimension variables: 'b' = {0} from specification 'b' for dimension args[1].shape[0] (= {0}), . Please see https://docs.jax.dev/en/latest/export/shape_poly.html#shape-assertion-errors for more details."} : (tensor<i1>, tensor<i32>) -> ()
    %174 = "stablehlo.compare"(%172, %170) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction GE>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
    "stablehlo.custom_call"(%174, %171, %172) <{api_version = 2 : i32, call_target_name = "shape_assertion", has_side_effect = true}> {error_message = "Input shapes do not match the polymorphic shapes specification. Expected value >= 1 for dimension variable 't'. Using the following polymorphic shapes specifications: args[1].shape = (b, t). Obtained dimension variables: 'b' = {0} from specification 'b' for dimension args[1].shape[0] (= {0}), 't' = {1} from specification 't' for dimension args[1].shape[1] (= {1}), . Please see https://docs.jax.dev/en/latest/export/shape_poly.html#shape-assertion-errors for more details."} : (tensor<i1>, tensor<i32>, tensor<i32>) -> ()
    %175 = "func.call"(%171, %172, %arg25, %arg26, %arg27, %arg28, %arg29, %arg30, %arg31, %arg32, %arg33, %arg34) <{callee = @_wrapped_jax_export_main}> : (tensor<i32>, tensor<i32>, tensor<512x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<64xbf16>, tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x256xbf16>, tensor<64x64xbf16>, tensor<?x?xi32>) -> tensor<?x64xbf16>
    "func.return"(%175) : (tensor<?x64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{arg_attrs = [{jax.global_constant = "b"}, {jax.global_constant = "t"}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}], function_type = (tensor<i32>, tensor<i32>, tensor<512x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>, tensor<64x64xbf16>, tensor<64xbf16>, tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x256xbf16>, tensor<64x64xbf16>, tensor<?x?xi32>) -> tensor<?x64xbf16>, res_attrs = [{jax.result_info = "result"}], sym_name = "_wrapped_jax_export_main", sym_visibility = "private"}> ({
  ^bb0(%arg3: tensor<i32>, %arg4: tensor<i32>, %arg5: tensor<512x64xbf16>, %arg6: tensor<64xbf16>, %arg7: tensor<256x64xbf16>, %arg8: tensor<64x64xbf16>, %arg9: tensor<64xbf16>, %arg10: tensor<64x64xbf16>, %arg11: tensor<64x64xbf16>, %arg12: tensor<64x256xbf16>, %arg13: tensor<64x64xbf16>, %arg14: tensor<?x?xi32>):
    %7 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %8 = "stablehlo.constant"() <{value = dense<2.500000e-01> : tensor<f32>}> : () -> tensor<f32>
    %9 = "stablehlo.constant"() <{value = dense<16> : tensor<1xi32>}> : () -> tensor<1xi32>
    %10 = "stablehlo.constant"() <{value = dense<4> : tensor<1xi32>}> : () -> tensor<1xi32>
    %11 = "stablehlo.constant"() <{value = dense<64> : tensor<1xi32>}> : () -> tensor<1xi32>
    %12 = "stablehlo.constant"() <{value = dense<9.99999997E-7> : tensor<f32>}> : () -> tensor<f32>
    %13 = "stablehlo.constant"() <{value = dense<6.400000e+01> : tensor<f32>}> : () -> tensor<f32>
    %14 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %15 = "stablehlo.constant"() <{value = dense<1> : tensor<1xi32>}> : () -> tensor<1xi32>
    %16 = "stablehlo.constant"() <{value = dense<512> : tensor<i32>}> : () -> tensor<i32>
    %17 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %18 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %19 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %20 = "stablehlo.concatenate"(%18, %19) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
    %21 = "stablehlo.dynamic_broadcast_in_dim"(%17, %20) <{broadcast_dimensions = array<i64>}> : (tensor<i32>, tensor<2xi32>) -> tensor<?x?xi32>
    %22 = "stablehlo.compare"(%arg14, %21) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<?x?xi32>, tensor<?x?xi32>) -> tensor<?x?xi1>
    %23 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %24 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %25 = "stablehlo.concatenate"(%23, %24) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
    %26 = "stablehlo.dynamic_broadcast_in_dim"(%16, %25) <{broadcast_dimensions = array<i64>}> : (tensor<i32>, tensor<2xi32>) -> tensor<?x?xi32>
    %27 = "stablehlo.add"(%arg14, %26) : (tensor<?x?xi32>, tensor<?x?xi32>) -> tensor<?x?xi32>
    %28 = "stablehlo.select"(%22, %27, %arg14) : (tensor<?x?xi1>, tensor<?x?xi32>, tensor<?x?xi32>) -> tensor<?x?xi32>
    %29 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %30 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %31 = "stablehlo.concatenate"(%29, %30, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %32 = "stablehlo.dynamic_broadcast_in_dim"(%28, %31) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<?x?xi32>, tensor<3xi32>) -> tensor<?x?x1xi32>
    %33 = "stablehlo.gather"(%arg5, %32) <{dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 64>}> : (tensor<512x64xbf16>, tensor<?x?x1xi32>) -> tensor<?x?x64xbf16>
    %34 = "stablehlo.convert"(%33) : (tensor<?x?x64xbf16>) -> tensor<?x?x64xf32>
    %35 = "stablehlo.multiply"(%34, %34) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
    %36 = "stablehlo.reduce"(%35, %14) <{dimensions = array<i64: 2>}> ({
    ^bb0(%arg23: tensor<f32>, %arg24: tensor<f32>):
      %169 = "stablehlo.add"(%arg23, %arg24) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%169) : (tensor<f32>) -> ()
    }) : (tensor<?x?x64xf32>, tensor<f32>) -> tensor<?x?xf32>
    %37 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %38 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %39 = "stablehlo.concatenate"(%37, %38, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %40 = "stablehlo.dynamic_broadcast_in_dim"(%36, %39) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<?x?xf32>, tensor<3xi32>) -> tensor<?x?x1xf32>
    %41 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %42 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %43 = "stablehlo.concatenate"(%41, %42, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %44 = "stablehlo.dynamic_broadcast_in_dim"(%13, %43) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<3xi32>) -> tensor<?x?x1xf32>
    %45 = "stablehlo.divide"(%40, %44) : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
    %46 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %47 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %48 = "stablehlo.concatenate"(%46, %47, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %49 = "stablehlo.dynamic_broadcast_in_dim"(%12, %48) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<3xi32>) -> tensor<?x?x1xf32>
    %50 = "stablehlo.add"(%45, %49) : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
    %51 = "stablehlo.rsqrt"(%50) : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
    %52 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %53 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %54 = "stablehlo.concatenate"(%52, %53, %11) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %55 = "stablehlo.dynamic_broadcast_in_dim"(%51, %54) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<?x?x1xf32>, tensor<3xi32>) -> tensor<?x?x64xf32>
    %56 = "stablehlo.multiply"(%34, %55) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
    %57 = "stablehlo.convert"(%56) : (tensor<?x?x64xf32>) -> tensor<?x?x64xbf16>
    %58 = "stablehlo.broadcast_in_dim"(%arg6) <{broadcast_dimensions = array<i64: 2>}> : (tensor<64xbf16>) -> tensor<1x1x64xbf16>
    %59 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %60 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %61 = "stablehlo.concatenate"(%59, %60, %11) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %62 = "stablehlo.dynamic_broadcast_in_dim"(%58, %61) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x1x64xbf16>, tensor<3xi32>) -> tensor<?x?x64xbf16>
    %63 = "stablehlo.multiply"(%57, %62) : (tensor<?x?x64xbf16>, tensor<?x?x64xbf16>) -> tensor<?x?x64xbf16>
    %64 = "stablehlo.dot_general"(%63, %arg11) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<?x?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x?x64xbf16>
    %65 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %66 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %67 = "stablehlo.concatenate"(%65, %66, %10, %9) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %68 = "stablehlo.dynamic_reshape"(%64, %67) : (tensor<?x?x64xbf16>, tensor<4xi32>) -> tensor<?x?x4x16xbf16>
    %69 = "stablehlo.dot_general"(%63, %arg8) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<?x?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x?x64xbf16>
    %70 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %71 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %72 = "stablehlo.concatenate"(%70, %71, %10, %9) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %73 = "stablehlo.dynamic_reshape"(%69, %72) : (tensor<?x?x64xbf16>, tensor<4xi32>) -> tensor<?x?x4x16xbf16>
    %74 = "stablehlo.dot_general"(%63, %arg13) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<?x?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x?x64xbf16>
    %75 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %76 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %77 = "stablehlo.concatenate"(%75, %76, %10, %9) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %78 = "stablehlo.dynamic_reshape"(%74, %77) : (tensor<?x?x64xbf16>, tensor<4xi32>) -> tensor<?x?x4x16xbf16>
    %79 = "stablehlo.dot_general"(%68, %73) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [3]>}> : (tensor<?x?x4x16xbf16>, tensor<?x?x4x16xbf16>) -> tensor<?x4x?x?xf32>
    %80 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %81 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %82 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %83 = "stablehlo.concatenate"(%80, %10, %81, %82) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %84 = "stablehlo.dynamic_broadcast_in_dim"(%8, %83) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<4xi32>) -> tensor<?x4x?x?xf32>
    %85 = "stablehlo.multiply"(%79, %84) : (tensor<?x4x?x?xf32>, tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
    %86 = "stablehlo.reduce"(%85, %7) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg21: tensor<f32>, %arg22: tensor<f32>):
      %168 = "stablehlo.maximum"(%arg21, %arg22) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%168) : (tensor<f32>) -> ()
    }) : (tensor<?x4x?x?xf32>, tensor<f32>) -> tensor<?x4x?xf32>
    %87 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %88 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %89 = "stablehlo.concatenate"(%87, %10, %88) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %90 = "stablehlo.dynamic_broadcast_in_dim"(%7, %89) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<3xi32>) -> tensor<?x4x?xf32>
    %91 = "stablehlo.maximum"(%90, %86) : (tensor<?x4x?xf32>, tensor<?x4x?xf32>) -> tensor<?x4x?xf32>
    %92 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %93 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %94 = "stablehlo.concatenate"(%92, %10, %93, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %95 = "stablehlo.dynamic_broadcast_in_dim"(%91, %94) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<?x4x?xf32>, tensor<4xi32>) -> tensor<?x4x?x1xf32>
    %96 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %97 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %98 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %99 = "stablehlo.concatenate"(%96, %10, %97, %98) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %100 = "stablehlo.dynamic_broadcast_in_dim"(%95, %99) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<?x4x?x1xf32>, tensor<4xi32>) -> tensor<?x4x?x?xf32>
    %101 = "stablehlo.subtract"(%85, %100) : (tensor<?x4x?x?xf32>, tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
    %102 = "stablehlo.exponential"(%101) : (tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
    %103 = "stablehlo.reduce"(%102, %14) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg19: tensor<f32>, %arg20: tensor<f32>):
      %167 = "stablehlo.add"(%arg19, %arg20) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%167) : (tensor<f32>) -> ()
    }) : (tensor<?x4x?x?xf32>, tensor<f32>) -> tensor<?x4x?xf32>
    %104 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %105 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %106 = "stablehlo.concatenate"(%104, %10, %105, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %107 = "stablehlo.dynamic_broadcast_in_dim"(%103, %106) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<?x4x?xf32>, tensor<4xi32>) -> tensor<?x4x?x1xf32>
    %108 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %109 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %110 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %111 = "stablehlo.concatenate"(%108, %10, %109, %110) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<4xi32>
    %112 = "stablehlo.dynamic_broadcast_in_dim"(%107, %111) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<?x4x?x1xf32>, tensor<4xi32>) -> tensor<?x4x?x?xf32>
    %113 = "stablehlo.divide"(%102, %112) : (tensor<?x4x?x?xf32>, tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
    %114 = "stablehlo.convert"(%113) : (tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xbf16>
    %115 = "stablehlo.dot_general"(%78, %114) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [3]>}> : (tensor<?x?x4x16xbf16>, tensor<?x4x?x?xbf16>) -> tensor<?x4x16x?xbf16>
    %116 = "stablehlo.transpose"(%115) <{permutation = array<i64: 0, 3, 1, 2>}> : (tensor<?x4x16x?xbf16>) -> tensor<?x?x4x16xbf16>
    %117 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %118 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %119 = "stablehlo.concatenate"(%117, %118, %11) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %120 = "stablehlo.dynamic_reshape"(%116, %119) : (tensor<?x?x4x16xbf16>, tensor<3xi32>) -> tensor<?x?x64xbf16>
    %121 = "stablehlo.dot_general"(%120, %arg10) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<?x?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x?x64xbf16>
    %122 = "stablehlo.add"(%33, %121) : (tensor<?x?x64xbf16>, tensor<?x?x64xbf16>) -> tensor<?x?x64xbf16>
    %123 = "stablehlo.convert"(%122) : (tensor<?x?x64xbf16>) -> tensor<?x?x64xf32>
    %124 = "stablehlo.multiply"(%123, %123) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
    %125 = "stablehlo.reduce"(%124, %14) <{dimensions = array<i64: 2>}> ({
    ^bb0(%arg17: tensor<f32>, %arg18: tensor<f32>):
      %166 = "stablehlo.add"(%arg17, %arg18) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%166) : (tensor<f32>) -> ()
    }) : (tensor<?x?x64xf32>, tensor<f32>) -> tensor<?x?xf32>
    %126 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %127 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %128 = "stablehlo.concatenate"(%126, %127, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %129 = "stablehlo.dynamic_broadcast_in_dim"(%125, %128) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<?x?xf32>, tensor<3xi32>) -> tensor<?x?x1xf32>
    %130 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %131 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %132 = "stablehlo.concatenate"(%130, %131, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %133 = "stablehlo.dynamic_broadcast_in_dim"(%13, %132) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<3xi32>) -> tensor<?x?x1xf32>
    %134 = "stablehlo.divide"(%129, %133) : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
    %135 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %136 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %137 = "stablehlo.concatenate"(%135, %136, %15) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %138 = "stablehlo.dynamic_broadcast_in_dim"(%12, %137) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<3xi32>) -> tensor<?x?x1xf32>
    %139 = "stablehlo.add"(%134, %138) : (tensor<?x?x1xf32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
    %140 = "stablehlo.rsqrt"(%139) : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>
    %141 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %142 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %143 = "stablehlo.concatenate"(%141, %142, %11) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %144 = "stablehlo.dynamic_broadcast_in_dim"(%140, %143) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<?x?x1xf32>, tensor<3xi32>) -> tensor<?x?x64xf32>
    %145 = "stablehlo.multiply"(%123, %144) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
    %146 = "stablehlo.convert"(%145) : (tensor<?x?x64xf32>) -> tensor<?x?x64xbf16>
    %147 = "stablehlo.broadcast_in_dim"(%arg9) <{broadcast_dimensions = array<i64: 2>}> : (tensor<64xbf16>) -> tensor<1x1x64xbf16>
    %148 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %149 = "stablehlo.reshape"(%arg4) : (tensor<i32>) -> tensor<1xi32>
    %150 = "stablehlo.concatenate"(%148, %149, %11) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %151 = "stablehlo.dynamic_broadcast_in_dim"(%147, %150) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x1x64xbf16>, tensor<3xi32>) -> tensor<?x?x64xbf16>
    %152 = "stablehlo.multiply"(%146, %151) : (tensor<?x?x64xbf16>, tensor<?x?x64xbf16>) -> tensor<?x?x64xbf16>
    %153 = "stablehlo.dot_general"(%152, %arg12) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<?x?x64xbf16>, tensor<64x256xbf16>) -> tensor<?x?x256xbf16>
    %154 = "func.call"(%arg3, %arg4, %153) <{callee = @relu}> : (tensor<i32>, tensor<i32>, tensor<?x?x256xbf16>) -> tensor<?x?x256xbf16>
    %155 = "stablehlo.dot_general"(%154, %arg7) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>}> : (tensor<?x?x256xbf16>, tensor<256x64xbf16>) -> tensor<?x?x64xbf16>
    %156 = "stablehlo.add"(%122, %155) : (tensor<?x?x64xbf16>, tensor<?x?x64xbf16>) -> tensor<?x?x64xbf16>
    %157 = "stablehlo.convert"(%arg4) : (tensor<i32>) -> tensor<f32>
    %158 = "stablehlo.convert"(%156) : (tensor<?x?x64xbf16>) -> tensor<?x?x64xf32>
    %159 = "stablehlo.reduce"(%158, %14) <{dimensions = array<i64: 1>}> ({
    ^bb0(%arg15: tensor<f32>, %arg16: tensor<f32>):
      %165 = "stablehlo.add"(%arg15, %arg16) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%165) : (tensor<f32>) -> ()
    }) : (tensor<?x?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
    %160 = "stablehlo.reshape"(%arg3) : (tensor<i32>) -> tensor<1xi32>
    %161 = "stablehlo.concatenate"(%160, %11) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
    %162 = "stablehlo.dynamic_broadcast_in_dim"(%157, %161) <{broadcast_dimensions = array<i64>}> : (tensor<f32>, tensor<2xi32>) -> tensor<?x64xf32>
    %163 = "stablehlo.divide"(%159, %162) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    %164 = "stablehlo.convert"(%163) : (tensor<?x64xf32>) -> tensor<?x64xbf16>
    "func.return"(%164) : (tensor<?x64xbf16>) -> ()
  }) : () -> ()
  "func.func"() <{arg_attrs = [{jax.global_constant = "b"}, {jax.global_constant = "t"}, {}], function_type = (tensor<i32>, tensor<i32>, tensor<?x?x256xbf16>) -> tensor<?x?x256xbf16>, sym_name = "relu", sym_visibility = "private"}> ({
  ^bb0(%arg0: tensor<i32>, %arg1: tensor<i32>, %arg2: tensor<?x?x256xbf16>):
    %0 = "stablehlo.constant"() <{value = dense<256> : tensor<1xi32>}> : () -> tensor<1xi32>
    %1 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<bf16>}> : () -> tensor<bf16>
    %2 = "stablehlo.reshape"(%arg0) : (tensor<i32>) -> tensor<1xi32>
    %3 = "stablehlo.reshape"(%arg1) : (tensor<i32>) -> tensor<1xi32>
    %4 = "stablehlo.concatenate"(%2, %3, %0) <{dimension = 0 : i64}> : (tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<3xi32>
    %5 = "stablehlo.dynamic_broadcast_in_dim"(%1, %4) <{broadcast_dimensions = array<i64>}> : (tensor<bf16>, tensor<3xi32>) -> tensor<?x?x256xbf16>
    %6 = "stablehlo.maximum"(%arg2, %5) : (tensor<?x?x256xbf16>, tensor<?x?x256xbf16>) -> tensor<?x?x256xbf16>
    "func.return"(%6) : (tensor<?x?x256xbf16>) -> ()
  }) : () -> ()
}) {jax.uses_shape_polymorphism = true, mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} : () -> ()

